import { ROLES } from '@gatehouse/domain';
import { Edge } from '../testing/edge';
import { ROUTES, RPCS } from './testing/operations';

// Two tenants with the same names everywhere. Whatever one of them names that is the other's gets the answer of what was
// never used: same status, same body, same headers.

let edge: Edge;
/** Who may do everything in their own tenant, and a key and a grant that are theirs. */
const tenants: Record<string, { authorization: string; key: string; grant: string }> = {};
/** Of a version that only `acme` has, and a cursor that was made for them. */
let digest: string;
let cursor: string;

beforeAll(async () => {
  edge = await Edge.open();
  for (const tenant of ['acme', 'globex']) {
    const admin = { authorization: `Bearer ${await edge.keys.admin(tenant)}` };
    const roles = ROLES.map((role) => ({ role }));
    const issued = await edge.post('/v1/access/keys', { actor: 'all', kind: 'user', roles }, admin);
    const grant = await edge.post('/v1/access/grants', { to: { actor: 'x' }, role: 'reader' }, admin);
    tenants[tenant] = {
      authorization: `Bearer ${issued.body['key'] as string}`,
      key: issued.body['id'] as string,
      grant: grant.body['id'] as string,
    };
    await edge.promoted('twin', 1, tenant);
  }
  for (const model of ['theirs', 'theirs-2']) await edge.promoted(model, 2, 'acme');
  const as = { authorization: tenants['acme']!.authorization };
  digest = (await edge.http('/v1/models/theirs/live', { headers: as })).text.match(/sha256:[0-9a-f]{64}/)![0];
  cursor = (await edge.http('/v1/models?limit=1', { headers: as })).body['next'] as string;
  expect(cursor).toEqual(expect.any(String));
  const document = 'policy: theirs\nmodels: [theirs-9]\n';
  await edge.rpc('PublishPolicy', { document }, as);
});
afterAll(() => edge.close());

/** What `acme` has, and what nobody has. */
const theirs = () => ({
  model: 'theirs',
  policy: 'theirs',
  id: tenants['acme']!.key,
  grant: tenants['acme']!.grant,
  digest,
});
const nobodys = () => ({
  model: 'nobody',
  policy: 'nobody',
  id: '0'.repeat(14),
  grant: '00000000-0000-7000-8000-000000000000',
  digest: `sha256:${'0'.repeat(64)}`,
});
type Names = ReturnType<typeof theirs>;

/** With every name taken out that the client itself brought in. */
function blank(text: string, names: Names): string {
  return Object.values(names).reduce((left, name) => left.replaceAll(name, '…'), text);
}

async function answer(method: string, url: string, names: Names, ref: string): Promise<string> {
  const path = url.replace(/:(\w+)/g, (_, name: string) => {
    if (name === 'id') return url.includes('grants') ? names.grant : names.id;
    if (name === 'n') return '1';
    return name === 'ref' ? ref : (names as Record<string, string>)[name]!;
  });
  const body = BODIES[url.split('/').at(-1)!] ?? {};
  const { status, text, headers } = await edge.http(path + (url.endsWith('diff') ? '?from=1' : ''), {
    method,
    headers: {
      authorization: tenants['globex']!.authorization,
      'x-request-id': 'same',
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  });
  const kept = [...headers].filter(([name]) => name !== 'date');
  return blank(JSON.stringify([status, kept, text]), names);
}

/** Bodies that pass for their shape, so that what is asked for is looked for. */
const BODIES: Record<string, object> = {
  evaluations: { suite: 's', dataset: { name: 'd' }, metrics: { f1: 1 } },
  approvals: { decision: 'approve' },
  rollback: { from: 1, reason: 'drift' },
  deprecation: { sunset: '2999-01-01' },
  review: { verdict: 'justified' },
};

const named = Object.keys(ROUTES).filter((route) => /:(model|policy|id)/.test(route));

it.each(named.filter((route) => !route.endsWith('POST /v1/models/:model/versions')))(
  '%s: what is of another tenant is what never was',
  async (route) => {
    const [method, url] = route.split(' ') as [string, string];
    for (const methodOf of method === 'GET' ? ['GET', 'HEAD'] : [method])
      for (const ref of ['1', 'digest']) {
        const refOf = (names: Names) => (ref === 'digest' ? names.digest : ref);
        const foreign = await answer(methodOf, url, theirs(), refOf(theirs()));
        const unknown = await answer(methodOf, url, nobodys(), refOf(nobodys()));
        expect(foreign).toBe(unknown);
        expect(foreign).toMatch(/^\[404/);
      }
  },
);

it.each(
  Object.keys(RPCS).filter(
    (rpc) =>
      !/^(ListModels|ListKeys|ListGrants|ListTenants|ListPolicies|ListUn|ListBreak|Test|Backtest|DiffPolicy|Issue|Open|GetMe|Suspend|Resume|Register|Publish|Grant|Watch|Replay)/.test(
        rpc,
      ),
  ),
)('%s: what is of another tenant is what never was, over gRPC', async (rpc) => {
  const ask = async (names: Names) => {
    const message = {
      model: names.model,
      version: 1,
      ref: '1',
      from: '1',
      reason: 'drift',
      policy: names.policy,
      id: rpc === 'WithdrawGrant' ? names.grant : names.id,
      suite: 's',
      dataset: { name: 'd' },
      metrics: { f1: 1 },
      decision: 'approve',
      sunset: '2999-01-01',
      verdict: 'justified',
    };
    const sent = { authorization: tenants['globex']!.authorization, 'x-request-id': 'same' };
    const { code, details, initial } = await edge.rpc(rpc, message, sent);
    return blank(JSON.stringify([code, details, initial.getMap()]), names);
  };
  const foreign = await ask(theirs());
  expect(foreign).toBe(await ask(nobodys()));
  expect(foreign).toMatch(/^\[5,/);
});

it('what both have by the same name is to each their own', async () => {
  const [acme, globex] = await Promise.all(
    ['acme', 'globex'].map(async (tenant) => {
      const headers = { authorization: tenants[tenant]!.authorization };
      return (await edge.http('/v1/models/twin/live', { headers })).body;
    }),
  );
  expect(acme).toMatchObject({ revision: 1 });
  expect(globex).toMatchObject({ revision: 1 });
  expect(acme!['why']).not.toEqual(globex!['why']);
});

it('a cursor of another tenant is a forged one', async () => {
  const headers = { authorization: tenants['globex']!.authorization, 'x-request-id': 'same' };
  const foreign = await edge.http(`/v1/models?limit=1&after=${cursor}`, { headers });
  const forged = await edge.http(`/v1/models?limit=1&after=${'A'.repeat(cursor.length)}`, { headers });
  expect([foreign.status, foreign.text]).toEqual([forged.status, forged.text]);
  expect(foreign.status).toBe(400);
});

it('the key of one in the name of the other is malformed, and a key id of one is nobody’s in the other', async () => {
  const key = tenants['acme']!.authorization;
  const moved = await edge.http('/v1/models', {
    headers: { authorization: key.replace('_acme_', '_globex_') },
  });
  expect(moved.status).toBe(401);
});

it('no list, event or answer of one has a byte of the other; nor has any metric', async () => {
  const headers = { authorization: tenants['globex']!.authorization };
  const lists = [
    '/v1/models',
    '/v1/events',
    '/v1/access/keys',
    '/v1/access/grants',
    '/v1/policies',
    '/v1/access/me',
  ];
  for (const path of lists) {
    const { text, status } = await edge.http(path, { headers });
    expect(status).toBe(200);
    expect(text).not.toMatch(/acme|theirs/);
    expect(text).not.toContain(tenants['acme']!.key);
  }
  expect((await edge.http('/metrics')).text).not.toMatch(/="[^"]*(acme|globex|theirs|twin)/);
});
