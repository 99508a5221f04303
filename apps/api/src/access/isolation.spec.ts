import { pino } from 'pino';
import { ROLES } from '@gatehouse/domain';
import { Edge } from '../testing/edge';
import { ROUTES, RPCS, STREAMS } from './testing/operations';

// Two tenants with the same names everywhere. Whatever one of them names that is the other's gets the answer of what was
// never used: same status, same body, same headers.

let edge: Edge;
/** Who may do everything in their own tenant, and a key and a grant that are theirs. */
const tenants: Record<string, { authorization: string; key: string; grant: string }> = {};
/** Of a version that only `acme` has, and a cursor that was made for them. */
let digest: string;
let cursor: string;
/** When a version of theirs went live, and the position of that. */
let instant: string;
let position: string;
/** What is logged from when both have what they have. */
let output = '';

beforeAll(async () => {
  const log = pino({ level: 'trace', base: null }, { write: (line: string) => void (output += line) });
  edge = await Edge.open({}, undefined, undefined, log);
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
    const document = 'policy: twin\nmodels: [twin-9]\n';
    await edge.rpc('PublishPolicy', { document }, { authorization: tenants[tenant].authorization });
  }
  for (const model of ['theirs', 'theirs-2']) await edge.promoted(model, 2, 'acme');
  const as = { authorization: tenants['acme']!.authorization };
  digest = (await edge.http('/v1/models/theirs/live', { headers: as })).text.match(/sha256:[0-9a-f]{64}/)![0];
  cursor = (await edge.http('/v1/models?limit=1', { headers: as })).body['next'] as string;
  expect(cursor).toEqual(expect.any(String));
  const promoted = await edge.http('/v1/events?model=theirs&type=model.Promoted', { headers: as });
  const [first] = promoted.text.split('\n');
  ({ time: instant, position } = JSON.parse(first!) as { time: string; position: string });
  expect([instant, position]).toEqual([expect.any(String), expect.any(String)]);
  const document = 'policy: theirs\nmodels: [theirs-9]\n';
  await edge.rpc('PublishPolicy', { document }, as);
  await edge.rpc(
    'ActivatePolicy',
    { policy: 'theirs', version: 1 },
    { 'gatehouse-actor': 'pia', 'gatehouse-tenant': 'acme' },
  );
  output = '';
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
  return told(method, path + (url.endsWith('diff') ? '?from=1' : ''), names, body);
}

/** What `globex` is told, without what they said themselves. */
async function told(
  method: string,
  path: string,
  names: Names,
  body: object = {},
  more = {},
): Promise<string> {
  const { status, text, headers } = await edge.http(path, {
    method,
    headers: {
      authorization: tenants['globex']!.authorization,
      'x-request-id': 'same',
      ...(method === 'POST' && { 'content-type': 'application/json' }),
      ...more,
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

type Part = readonly [what: string, status: number, ask: (names: Names) => Promise<string>];
const PARTS: readonly Part[] = [
  [
    'an instant',
    404,
    (names) => told('GET', `/v1/models/${names.model}/live?at=${encodeURIComponent(instant)}`, names),
  ],
  [
    'a position to go on from',
    200,
    (names) => told('GET', `/v1/events?model=${names.model}&after=${Number(position) - 1}`, names),
  ],
  [
    'a position to wait for',
    404,
    (names) => told('GET', `/v1/models/${names.model}/live`, names, {}, { 'gatehouse-at-least': position }),
  ],
  [
    'a pointer to compare with',
    404,
    (names) =>
      told('POST', `/v1/models/${names.model}/rollback`, names, BODIES['rollback'], { 'if-match': '"2"' }),
  ],
  [
    'a stream to follow',
    404,
    (names) =>
      told(
        'GET',
        `/v1/models/${names.model}/live`,
        names,
        {},
        { accept: 'text/event-stream', 'last-event-id': '1' },
      ),
  ],
  ['part of a name', 200, (names) => told('GET', `/v1/models?q=${names.model}`, names)],
  [
    'a digest of a model of their own',
    404,
    (names) => told('GET', `/v1/models/twin/versions/${names.digest}`, names),
  ],
  [
    'a digest to decide on',
    409,
    (names) =>
      told('POST', '/v1/models/twin/versions/1/approvals', names, {
        ...BODIES['approvals'],
        digest: names.digest,
      }),
  ],
  [
    'a key to grant to',
    404,
    (names) => told('POST', '/v1/access/grants', names, { to: { key: names.id }, role: 'reader' }),
  ],
  [
    'models to try a policy on',
    200,
    (names) => told('POST', '/v1/policies/backtest', names, draftFor(names)),
  ],
];

it.each(PARTS)('%s: what is of another tenant is what never was', async (_what, status, ask) => {
  const foreign = await ask(theirs());
  expect(foreign).toBe(await ask(nobodys()));
  expect(foreign).toContain(`[${status},`);
  expect(foreign).not.toMatch(/acme|theirs/);
});

it.each(['POST', 'DELETE'])(
  '%s /v1/tenants/:tenant/suspension tells nobody inside one which others there are',
  async (method) => {
    const ask = (tenant: string) => told(method, `/v1/tenants/${tenant}/suspension`, nobodys());
    expect(await ask('acme')).toBe(await ask('nowhere'));
  },
);

/** A policy under which no promotion would have been. */
const draftFor = ({ policy, model }: Names) => ({
  policy,
  models: [model],
  production: { approvals: [{ count: 9 }] },
});

/** What names nothing that could be somebody's, or makes something new by that name. */
const NAMELESS =
  /^(List(Keys|Grants|Tenants|Policies|BreakGlass)|GetMe|TestPolicy|IssueKey|OpenTenant|Register|PublishPolicy)$/;

/** Of what is not answered NOT_FOUND. */
const CODES: Readonly<Record<string, number>> = {
  ListModels: 0,
  ReplayEvents: 0,
  ReplayAccess: 0,
  ReplayPolicies: 0,
  BacktestPolicy: 0,
  SuspendTenant: 7,
  ResumeTenant: 7,
};

it.each(Object.keys(RPCS).filter((rpc) => !NAMELESS.test(rpc)))(
  '%s: what is of another tenant is what never was, over gRPC',
  async (rpc) => {
    const ask = async (names: Names, tenant: string) => {
      const message = {
        model: names.model,
        q: names.model,
        version: 1,
        ref: '1',
        from: '1',
        after: rpc.startsWith('Replay') ? String(Number(position) - 1) : undefined,
        afterRevision: 1,
        reason: 'drift',
        policy: names.policy,
        document: JSON.stringify(draftFor(names)),
        id: rpc === 'WithdrawGrant' ? names.grant : names.id,
        to: { key: names.id },
        role: 'reader',
        tenant,
        suite: 's',
        dataset: { name: 'd' },
        metrics: { f1: 1 },
        decision: 'approve',
        sunset: '2999-01-01',
        verdict: 'justified',
      };
      const sent = { authorization: tenants['globex']!.authorization, 'x-request-id': 'same' };
      if (STREAMS.test(rpc)) return blank(JSON.stringify(await streamed(rpc, message, sent)), names);
      const { code, details, initial, message: found } = await edge.rpc(rpc, message, sent);
      // The second of the answer, as over HTTP.
      initial.remove('date');
      return blank(JSON.stringify([code, details, initial.getMap(), found]), names);
    };
    const foreign = await ask(theirs(), 'acme');
    expect(foreign).toBe(await ask(nobodys(), 'nowhere'));
    expect(foreign).toMatch(new RegExp(`^\\[${CODES[rpc] ?? 5},`));
    expect(foreign).not.toMatch(/acme|theirs/);
  },
);

async function streamed(rpc: string, message: object, sent: Record<string, string>): Promise<unknown[]> {
  const messages: object[] = [];
  try {
    for await (const one of await edge.stream(rpc, message, sent)) messages.push(one);
    return [0, messages];
  } catch (error) {
    const { code, details } = error as { code: number; details: string };
    return [code, messages, details];
  }
}

it.each(['/v1/access/keys', '/v1/models/twin/versions'])(
  'a key of idempotency that one used at %s is new to the other',
  async (path) => {
    // The same body would be a replay, another one a key that was used for something else.
    const key = { actor: 'once', kind: 'user', roles: [{ role: 'reader' }] };
    const made: Record<string, { status: number; text: string }> = {};
    for (const tenant of ['acme', 'globex']) {
      const version = { changelog: `of ${tenant}`, manifest: { config: { of: tenant } } };
      const body = path.endsWith('keys') ? key : version;
      const headers = { authorization: tenants[tenant]!.authorization, 'idempotency-key': 'the-same' };
      const answered = await edge.post(path, body, headers);
      expect(answered.headers.get('idempotent-replayed')).toBeNull();
      made[tenant] = answered;
    }
    expect([made['acme']!.status, made['globex']!.status]).toEqual([201, 201]);
    expect(made['globex']!.text).not.toMatch(/acme/);
  },
);

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
    `/v1/events?after=${Number(position) - 1}`,
    '/v1/access/events',
    '/v1/policy-events',
    '/v1/channels',
    '/v1/log',
    '/v1/break-glass',
    '/v1/access/keys',
    '/v1/access/grants',
    '/v1/policies',
    '/v1/access/me',
  ];
  const foreign = new RegExp(`acme|theirs|${tenants['acme']!.key}|${tenants['acme']!.grant}`);
  for (const path of lists) {
    const { text, status, headers: sent } = await edge.http(path, { headers });
    expect(status).toBe(200);
    expect(text + JSON.stringify([...sent])).not.toMatch(foreign);
  }
  for (const rpc of Object.keys(RPCS).filter((one) => /^(List(?!Tenants|.*Versions)|GetMe)/.test(one))) {
    const { code, message, initial } = await edge.rpc(rpc, {}, headers);
    expect(code).toBe(0);
    expect(JSON.stringify([message, initial.getMap()])).not.toMatch(foreign);
  }
  for (const [rpc, own] of [
    ['ReplayEvents', 4],
    ['ReplayAccess', 3],
    ['ReplayPolicies', 1],
  ] as const) {
    const [code, events] = await streamed(rpc, {}, headers);
    expect([code, (events as object[]).length]).toEqual([0, expect.any(Number)]);
    expect((events as object[]).length).toBeGreaterThanOrEqual(own);
    expect(JSON.stringify(events)).not.toMatch(foreign);
  }
  expect((await edge.http('/metrics')).text).not.toMatch(/="[^"]*(acme|globex|theirs|twin)/);
});

it('no line of the log that a request of one left says anything of the other, but what it said itself', () => {
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  const ours = lines.filter(({ tenant }) => tenant !== 'acme');
  expect(ours.length).toBeGreaterThan(100);
  const { key, grant } = tenants['acme']!;
  const rest = ours.map(({ url: _, ...line }) => JSON.stringify(line));
  expect(
    rest.filter((line) => /acme|theirs/.test(line) || line.includes(key) || line.includes(grant)),
  ).toEqual([]);
});
