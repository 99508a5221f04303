import { mintApiKey } from '@gatehouse/identity';
import { TestProvider } from '../../../identity/src/testing/provider';
import type { Settings } from '../settings';
import { Accesses } from './accesses';
import { Credentials } from './credentials';
import { AccessLog, ACTOR } from './testing/access-log';

const AUDIENCE = 'gatehouse';

let provider: TestProvider;
beforeAll(async () => {
  provider = await TestProvider.start();
}, 60_000);
afterAll(async () => provider.stop());

/** The log of the access of `t`, and who comes with which credential by it. */
class Tenant {
  private readonly log = new AccessLog();
  private readonly credentials: Credentials;
  readonly key = mintApiKey('t');

  constructor() {
    const claims = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
    const oidc = { issuer: provider.issuer, audience: AUDIENCE, claims };
    // What Credentials uses of the settings.
    this.credentials = new Credentials(new Accesses(this.log.store), { oidc } as unknown as Settings);
  }

  static async open(): Promise<Tenant> {
    const tenant = new Tenant();
    const { id, hash } = tenant.key;
    await tenant.append('access.TenantOpened', { key: id, actor: ACTOR, roles: [{ role: 'admin' }], hash });
    return tenant;
  }

  append(type: string, data: Record<string, unknown>): Promise<void> {
    return this.log.append(type, data);
  }

  callerOf(credential: string) {
    return this.credentials.callerOf(`Bearer ${credential}`, 'newest');
  }
}

it('who somebody is, is found out once between two events of their tenant, by key and by token', async () => {
  const tenant = await Tenant.open();
  await tenant.append('access.Granted', { grant: 'g1', to: { group: 'ops' }, role: 'reader' });
  const claims = { tenant: 't', groups: ['ops', 'other'] };
  const token = await provider.token({ sub: 'ann', audience: AUDIENCE, claims });
  for (const credential of [tenant.key.key, token]) {
    const caller = await tenant.callerOf(credential);
    expect(await tenant.callerOf(credential)).toBe(caller);
    await tenant.append('access.Granted', {
      grant: `of ${caller.actor.id}`,
      to: { group: 'none' },
      role: 'reader',
    });
    expect(await tenant.callerOf(credential)).not.toBe(caller);
    expect(await tenant.callerOf(credential)).toEqual(caller);
  }
  expect((await tenant.callerOf(token)).roles).toEqual([{ role: 'reader' }]);
  await tenant.append('access.Withdrawn', { grant: 'g1' });
  expect((await tenant.callerOf(token)).roles).toEqual([]);
});

it('two people of a tenant are two, though their tokens came at once', async () => {
  const tenant = await Tenant.open();
  await tenant.append('access.Granted', { grant: 'g1', to: { actor: 'ann' }, role: 'reader' });
  const claims = { tenant: 't', groups: [] };
  const of = (sub: string) => provider.token({ sub, audience: AUDIENCE, claims });
  const callers = await Promise.all(
    [await of('ann'), await of('bob')].map((token) => tenant.callerOf(token)),
  );
  expect(callers.map(({ actor, roles }) => [actor.id, roles])).toEqual([
    ['ann', [{ role: 'reader' }]],
    ['bob', []],
  ]);
});
