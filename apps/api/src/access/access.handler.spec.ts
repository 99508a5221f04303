import { standingGrant, type AccessCommand, type RoleGrant } from '@gatehouse/domain';
import { StoreUnavailable, type Appended, type NewEvent, type Recorded } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { Accesses, Metrics, openContext, readSettings, type Caller } from '@gatehouse/platform';
import { AccessHandler } from './access.handler';
import { OnAccess, type AccessOutcome } from './on-access';

/** A log that can be away for readers from the next append on. */
class Flaky extends MemoryEventStore {
  after: 'well' | 'fails' | 'hangs' = 'well';
  private away = false;

  override async append(stream: string, at: bigint, events: readonly NewEvent[]): Promise<Appended> {
    const appended = await super.append(stream, at, events);
    this.away = this.after !== 'well';
    return appended;
  }

  override async *read(stream: string, from = 0n): AsyncGenerator<Recorded> {
    if (this.away && this.after === 'fails') throw new StoreUnavailable('the log is away');
    if (this.away) await new Promise(() => undefined);
    yield* super.read(stream, from);
  }
}

const ADMIN: RoleGrant = { role: 'admin' };
const HASH = 'a'.repeat(64);
const REQUEST_MS = 400;
const CALLER: Caller = {
  tenant: 't',
  actor: { id: 'root', kind: 'user' },
  auth: { method: 'key', credential: 'k0' },
  roles: [ADMIN],
  groups: [],
  makers: [],
};
const PLATFORM: Caller = { ...CALLER, auth: { method: 'platform' } };
const first = { key: 'k0', actor: CALLER.actor, roles: [ADMIN], hash: HASH };
const toOps = { ...ADMIN, to: { group: 'ops' } };
const issue = (key: string): AccessCommand => ({
  verb: 'issueKey',
  data: { key, actor: { id: 'zoe', kind: 'user' }, roles: [ADMIN], hash: HASH },
});

let store: Flaky;
let handler: AccessHandler;
beforeEach(async () => {
  store = new Flaky();
  const settings = { ...readSettings({}), requestTimeoutMs: REQUEST_MS };
  handler = new AccessHandler(store, settings, new Metrics(), new Accesses(store));
  await run({ verb: 'openTenant', data: first }, () => null, PLATFORM);
});

function run<T>(command: AccessCommand, answer: (outcome: AccessOutcome) => T, caller = CALLER) {
  const origin = { caller, request: openContext(undefined, undefined), idempotencyKey: undefined };
  return handler.execute(new OnAccess('t', command, command.data, origin, answer));
}

it.each(['fails', 'hangs'] as const)(
  'answers what was recorded, in time, when a log that %s afterwards cannot be read',
  async (how) => {
    store.after = how;
    const since = performance.now();
    const done = await run(issue('k1'), ({ state }) => state.keys.get('k1')?.key);
    expect(done).toMatchObject({ answer: 'k1', event: { type: 'access.KeyIssued' } });
    // The log never answers.
    expect(performance.now() - since).toBeLessThan(20_000);
  },
);

it('answers as it was at the instant of the command, whatever comes right behind it', async () => {
  await run({ verb: 'grant', data: { grant: 'g1', ...toOps } }, () => null);
  const [again] = await Promise.all([
    run(
      { verb: 'grant', data: { grant: 'g2', ...toOps } },
      ({ state }) => standingGrant(toOps, state)?.grant,
    ),
    run({ verb: 'withdraw', data: { grant: 'g1' } }, () => null),
  ]);
  expect(again).toMatchObject({ event: null, answer: 'g1' });
});
