import { accessStream, type AccessCommand, type RoleGrant } from '@gatehouse/domain';
import { Transactor } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { EdgeProblem, type Caller } from '@gatehouse/platform';
import { CredentialRefused } from '@gatehouse/identity';
import { uuidv7 } from 'uuidv7';
import { ACCESS_DECIDER } from './access.handler';

// Two replicas, one log: the guard of one has let somebody in, and then the other records that they lost it.

const ADMIN: RoleGrant = { role: 'admin' };
const HASH = 'a'.repeat(64);
const caller = (auth: Caller['auth'], more: Partial<Caller> = {}): Caller => ({
  tenant: 't',
  actor: { id: 'ada', kind: 'user' },
  auth,
  roles: [ADMIN],
  groups: [],
  makers: [],
  ...more,
});
const platform = caller({ method: 'platform' });
const byKey = (credential: string) => caller({ method: 'key', credential });
const person = caller({ method: 'oidc', credential: 'jti' }, { groups: ['ops'] });
const issue = (key: string, roles = [ADMIN], expires?: string, actor = 'zoe'): AccessCommand => ({
  verb: 'issueKey',
  data: { key, actor: { id: actor, kind: 'user' }, roles, hash: HASH, ...(expires && { expires }) },
});

class Replica {
  private readonly transactor;

  constructor(
    readonly store: MemoryEventStore,
    clock: () => number,
  ) {
    this.transactor = new Transactor(store, ACCESS_DECIDER, { clock });
  }

  /** How many events came of it. */
  run(command: AccessCommand, asking = platform): Promise<number> {
    const id = uuidv7();
    const { tenant, actor, auth } = asking;
    return this.transactor.transact(
      {
        stream: accessStream('t'),
        eventId: id,
        command: { command, caller: asking, people: true },
        meta: { tenant, actor, auth, command: { id, fingerprint: 'x' }, correlation: id, schema: 1 },
      },
      ({ recorded }) => (recorded ? 1 : 0),
    );
  }
}

let now: number;
let here: Replica;
let there: Replica;
beforeEach(async () => {
  now = Date.parse('2026-03-01T12:00:00.000Z');
  const store = new MemoryEventStore({ shared: true });
  [here, there] = [new Replica(store, () => now), new Replica(store.handle(), () => now)];
  const first = { key: 'k0', actor: { id: 'root', kind: 'user' }, roles: [ADMIN], hash: HASH } as const;
  await here.run({ verb: 'openTenant', data: first });
  await here.run(issue('k1'), byKey('k0'));
  await here.run({ verb: 'grant', data: { grant: 'g1', to: { group: 'ops' }, ...ADMIN } }, byKey('k0'));
  await here.run(issue('k2', [ADMIN], '2026-03-01T13:00:00.000Z'), byKey('k0'));
  // What is known there is warm, and old from now on.
  await there.run({ verb: 'suspendTenant', data: {} });
  await there.run({ verb: 'resumeTenant', data: {} });
});

it('takes what somebody asks who has not lost anything', async () => {
  for (const [n, who] of [byKey('k0'), byKey('k1'), byKey('k2'), person].entries())
    expect(await there.run(issue(`new${n}`, [ADMIN], undefined, 'max'), who)).toBe(1);
});

it('lets nobody whose key expires make one for themselves that does not', async () => {
  await expect(there.run(issue('new'), byKey('k2'))).rejects.toMatchObject({ code: 'own-grant' });
  expect(await there.run(issue('new', [ADMIN], '2026-03-01T13:00:00.000Z'), byKey('k2'))).toBe(1);
});

it('refuses a key that was revoked meanwhile', async () => {
  await here.run({ verb: 'revokeKey', data: { key: 'k1' } }, byKey('k0'));
  await expect(there.run(issue('new'), byKey('k1'))).rejects.toThrow(CredentialRefused);
  await expect(there.run({ verb: 'revokeKey', data: { key: 'k1' } }, byKey('k1'))).rejects.toThrow(
    CredentialRefused,
  );
});

it('refuses a key that has expired meanwhile', async () => {
  now += 3_600_000;
  await expect(there.run(issue('new'), byKey('k2'))).rejects.toThrow(CredentialRefused);
});

it('refuses somebody whose grant was withdrawn meanwhile', async () => {
  await here.run({ verb: 'withdraw', data: { grant: 'g1' } }, byKey('k0'));
  await expect(there.run(issue('new'), person)).rejects.toMatchObject({ code: 'role-missing' });
});

it('refuses whoever is of a tenant that was suspended meanwhile, and takes what the platform asks', async () => {
  await here.run({ verb: 'suspendTenant', data: {} });
  for (const who of [byKey('k0'), person])
    await expect(there.run(issue('new'), who)).rejects.toThrow(EdgeProblem);
  expect(await there.run({ verb: 'resumeTenant', data: {} })).toBe(1);
});
