import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Stopping } from '@gatehouse/platform';
import { PLATFORM } from '../../../test/support/keys';
import { Documented } from './testing/documented';
import { Edge, type Answer } from './testing/edge';
import { release, run } from './models/testing/lives';

// The life of a model through every route that answers: whatever is answered, and whatever body is taken, is what
// openapi.json says, and nothing besides.

const MODEL = '/v1/models/m';
const V1 = `${MODEL}/versions/1`;
const V2 = `${MODEL}/versions/2`;
const PLATFORM_KEY = { authorization: `Bearer ${PLATFORM.key}` };
/** Everything that a manifest may have, and JSON of every kind. */
const MANIFEST = {
  artifacts: [{ name: 'weights', uri: 's3://m/1', digest: `sha256:${'a'.repeat(64)}`, bytes: 3 }],
  code: { repository: 'r', revision: '9f2c1e7' },
  config: 0,
  prompt: ['text', null, true],
  retrieval: { index: 'kb', topK: 8 },
  datasets: [
    {
      name: 'd',
      role: 'training',
      version: '1',
      digest: `sha256:${'b'.repeat(64)}`,
      size: 4,
      source: 's',
      license: 'l',
    },
  ],
  framework: { name: 'f', version: '1' },
  run: 'https://ci.example/runs/1',
};
const EVALUATION = {
  suite: 's',
  dataset: { name: 'd', digest: `sha256:${'c'.repeat(64)}`, size: 4 },
  metrics: { f1: 0.9, latency: 41 },
  thresholds: { f1: { min: 0.5, maxRegression: 0.1 }, latency: { maxRegression: 5, better: 'lower' } },
  report: { uri: 'https://ci.example/report', digest: `sha256:${'d'.repeat(64)}` },
};
const POLICY = {
  policy: 'p',
  models: ['m', 'glass'],
  register: { require: ['changelog'] },
  staging: { suites: [{ suite: 's*', metrics: { f1: { min: 0.5, maxRegression: 0.1 } } }] },
  production: {
    approvals: [{ count: 2 }],
    rules: [{ name: 'no critical gap', expr: 'deltas.all(d, d.delta >= -0.02)' }],
  },
  breakGlass: { capacity: 'on-call', reviewWithin: 'PT24H' },
};

let edge: Edge;
let admin: { authorization: string };
const documented = new Documented();
const faults: string[] = [];

type Headers = Record<string, string>;
const as = (actor: string, kind = 'user') => ({ 'gatehouse-actor': actor, 'gatehouse-actor-kind': kind });
const CI = as('ci', 'service');

/** Asks; a write that is taken is sent again, so that its replay is looked at, too. */
async function call(method: string, url: string, body?: unknown, headers: Headers = CI): Promise<Answer> {
  const sent: Headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(method !== 'GET' && { 'idempotency-key': randomUUID() }),
    ...headers,
  };
  const ask = async () => {
    const answer = await edge.http(url, {
      method,
      headers: sent,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    faults.push(...documented.faults(method, url, answer, body));
    return answer;
  };
  const answer = await ask();
  if (method !== 'GET' && answer.status < 300) await ask();
  return answer;
}
const get = (url: string, headers: Headers = as('ann')) => call('GET', url, undefined, headers);
const post = (url: string, body: unknown, headers: Headers = CI) => call('POST', url, body, headers);
/** Asks for what is refused with this code. */
async function refused(code: string, asking: Promise<Answer>): Promise<void> {
  const { body, text } = await asking;
  if (body['code'] !== code) throw new Error(`${code} was expected: ${text}`);
}

beforeAll(async () => {
  edge = await Edge.open();
  admin = { authorization: `Bearer ${await edge.keys.admin()}` };
});
afterAll(() => edge.close());
afterEach(() => expect([...new Set(faults.splice(0))]).toEqual([]));

/** Registered, evaluated, approved, and promoted. */
async function goesLive(model: string, n: number, more: object = {}): Promise<void> {
  const at = `/v1/models/${model}/versions/${n}`;
  await post(`/v1/models/${model}/versions`, release(n, more));
  await post(`${at}/evaluations`, { ...EVALUATION, metrics: { f1: 0.9 + n / 100, latency: 40 } });
  await post(`${at}/approvals`, { decision: 'approve', comment: 'good' }, as('ann'));
  await post(`${at}/promotion`, { note: 'go' }, as('bob'));
}

describe('what openapi.json says is what is answered', () => {
  it('where nothing has happened yet', async () => {
    while ((await edge.http('/readyz')).status !== 200) await sleep(25);
    for (const url of [
      'models',
      'log',
      'channels',
      'break-glass',
      'policies',
      'access/keys',
      'access/grants',
    ])
      expect((await get(`/v1/${url}`, admin)).status).toBe(200);
    for (const url of ['/healthz', '/readyz', '/v1/policy.schema.json'])
      expect((await call('GET', url, undefined, {})).status).toBe(200);
    await refused('model-unknown', get(`${MODEL}/live`));
    await refused('actor-missing', post(`${MODEL}/versions`, {}, {}));
    await refused('role-missing', post('/v1/tenants', { tenant: 'x' }, admin));
    await refused('not-acceptable', get(`${MODEL}/live`, { ...as('ann'), accept: 'text/xml' }));
    await refused('cursor-invalid', get('/v1/models?after=x'));
    await refused('invalid', get('/v1/models?limit=0'));
  });

  it('from the registration to the first promotion', async () => {
    const full = { label: '1.0', changelog: 'The first.', author: 'zed', manifest: MANIFEST };
    expect((await post(`${MODEL}/versions`, full)).status).toBe(201);
    expect((await post(`${MODEL}/versions`, full)).status).toBe(200);
    await refused('invalid', post(`${MODEL}/versions`, { ...full, manifest: { artifacts: [{}] } }));
    await refused('label-taken', post(`${MODEL}/versions`, { ...full, manifest: { config: 2 } }));
    await get(V1);
    await refused('not-in-staging', post(`${V1}/approvals`, { decision: 'approve' }, as('ann')));
    const unmeasured = { ...EVALUATION, thresholds: { ...EVALUATION.thresholds, other: { max: 1 } } };
    expect((await post(`${V1}/evaluations`, unmeasured)).status).toBe(201);
    await refused('gate-not-met', post(`${V1}/promotion`, {}, as('bob')));
    await post(`${V1}/evaluations`, { ...EVALUATION, report: undefined });
    await post(`${V1}/evaluations`, EVALUATION);
    await post(`${V1}/evaluations`, { ...run(0.9), suite: 'bounds-nothing', thresholds: {} });
    await post(`${V1}/evaluations`, { ...run(0.9), suite: 'bounds-nothing' });
    await refused('own-approval', post(`${V1}/approvals`, { decision: 'approve' }, as('zed')));
    await post(`${V1}/approvals`, { decision: 'reject', comment: 'no' }, as('dana'));
    await refused('not-approved', post(`${V1}/promotion`, {}, as('bob')));
    await get(`${V1}/gates`);
    await post(`${V1}/promotion?dryRun=true`, {}, as('bob'));
    expect((await post(`${V1}/approvals`, { decision: 'approve' }, as('dana'))).status).toBe(201);
    expect((await post(`${V1}/approvals`, { decision: 'approve' }, as('dana'))).status).toBe(200);
    await post(`${V1}/promotion?dryRun=true`, {}, as('bob'));
    await refused('pointer-moved', post(`${V1}/promotion`, {}, { ...as('bob'), 'if-match': '"7"' }));
    const once = { ...as('bob'), 'idempotency-key': 'k', 'if-match': '"0"' };
    expect((await post(`${V1}/promotion`, {}, once)).status).toBe(200);
    await refused('idempotency-key-reused', post(`${V1}/promotion`, { note: 'other' }, once));
  });

  it('from the second promotion to the end of both', async () => {
    await goesLive('m', 2, { manifest: { config: { n: 2 }, parent: 1 } });
    await get(`${V2}/gates`);
    await refused('reason-missing', post(`${MODEL}/rollback`, { from: 2 }, as('bob')));
    await refused('is-live', post(`${V2}/deprecation`, { sunset: '2999-01-01' }, as('bob')));
    await post(`${MODEL}/rollback`, { from: 2, reason: 'latency' }, as('bob'));
    await get(V2);
    await refused('approval-void', post(`${V2}/promotion`, {}, as('bob')));
    await refused('notice-too-short', post(`${V2}/deprecation`, { sunset: '2020-01-01' }, as('bob')));
    const end = { sunset: '2999-01-01', successor: 1, note: 'gone' };
    await post(`${V2}/deprecation`, end, as('bob'));
    await refused('is-deprecated', post(`${V2}/evaluations`, EVALUATION));
    await refused('no-rollback-target', post(`${MODEL}/rollback`, { from: 1, reason: 'cost' }, as('bob')));
    const { body } = await get(V1);
    const nothing = { from: body['digest'], reason: 'other', note: 'all of it', to: 0 };
    await post(`${MODEL}/rollback`, nothing, as('bob'));
  });

  it('in whatever is read of it', async () => {
    const up = { ...as('ann'), 'gatehouse-at-least': await edge.head() };
    for (const url of [
      'live',
      'live/history?limit=1',
      'live/history',
      'active_version.json',
      'versions?limit=1',
    ])
      expect((await get(`${MODEL}/${url}`, up)).status).toBe(200);
    for (const url of [
      'versions',
      'versions/1',
      'versions/2',
      'history?limit=1',
      'history',
      'versions/1/gates',
    ])
      expect((await get(`${MODEL}/${url}`, up)).status).toBe(200);
    for (const url of ['live', 'active_version.json'])
      expect((await get(`${MODEL}/${url}`, { ...up, 'if-none-match': '*' })).status).toBe(304);
    const { body } = await get(`${MODEL}/live/history`);
    const [, { at }] = body['items'] as [unknown, { at: string }];
    expect((await get(`${MODEL}/live?at=${at}`)).status).toBe(200);
    await get('/v1/models');
    await get('/v1/log');
    expect((await get('/v1/events')).text.split('\n').length).toBeGreaterThan(10);
    await refused('version-unknown', get(`${MODEL}/versions/99`));
    await refused('floating-alias', get(`${MODEL}/versions/latest`));
    await refused('model-unknown', get(`${MODEL}/live?at=2000-01-01T00:00:00Z`));
    await refused('view-behind', get('/v1/models', { ...as('ann'), 'gatehouse-at-least': '999999' }));
  });

  it('of policies: published, in force, compared, tried', async () => {
    const stricter = { ...POLICY, production: { ...POLICY.production, soak: 'PT1H' } };
    expect((await post('/v1/policies', POLICY, as('pat'))).status).toBe(201);
    expect((await post('/v1/policies', POLICY, as('pat'))).status).toBe(200);
    await post('/v1/policies', stricter, as('pat'));
    await refused('invalid', post('/v1/policies', { policy: 'p' }, as('pat')));
    for (const n of [1, 2])
      await call('POST', `/v1/policies/p/versions/${n}/activation`, undefined, as('pia'));
    await post('/v1/policies', { policy: 'tie', models: ['m'] }, as('pat'));
    await refused('policy-tie', call('POST', '/v1/policies/tie/versions/1/activation', undefined, as('pia')));
    for (const url of ['', '/p', '/p/versions', '/p/versions/1', '/p/versions/2/diff?from=1', '/built-in'])
      expect((await get(`/v1/policies${url}`)).status).toBe(200);
    await refused('policy-unknown', get('/v1/policies/none'));
    const cases = [
      { name: 'good', at: '2026-03-04T12:00:00Z', expect: { outcome: 'promoted', missing: ['x'] } },
      {
        name: 'bad',
        at: '2026-03-04T12:00:00Z',
        expect: { outcome: 'not-in-staging', rules: { x: 'pass' } },
      },
    ];
    expect((await post('/v1/policies/test', { policy: POLICY, cases })).status).toBe(200);
    const past = await post('/v1/policies/backtest', stricter);
    expect(past.text.split('\n').map((line) => /"type":"(\w+)/.exec(line)?.[1])).toContain('refused');
    expect((await get('/v1/policy-events')).text).not.toBe('');
    await post('/v1/models/glass/versions', release(1));
    await get('/v1/models/glass/versions/1/gates');
  });

  it('of break-glass', async () => {
    const glass = '/v1/models/glass/versions/1';
    const roles = [{ role: 'releaser', models: 'glass', capacity: 'on-call' }];
    const { body } = await post('/v1/access/keys', { actor: 'eve', kind: 'user', roles }, admin);
    const eve = { authorization: `Bearer ${body['key'] as string}` };
    await post(`${glass}/evaluations`, EVALUATION);
    await refused('no-break-glass', post(`${glass}/promotion/review`, { verdict: 'justified' }, as('ann')));
    const broken = await post(`${glass}/promotion`, { breakGlass: { reason: 'fire' } }, eve);
    const up = { ...as('ann'), 'gatehouse-at-least': broken.body['position'] as string };
    expect((await get('/v1/break-glass', up)).body['items']).toHaveLength(1);
    await get(glass);
    const verdict = { verdict: 'justified', comment: 'yes' };
    const { body: reviewed } = await post(`${glass}/promotion/review`, verdict, as('ann'));
    await get(glass, { ...as('ann'), 'gatehouse-at-least': reviewed['position'] as string });
    await get('/v1/models/glass/versions');
    await get('/v1/models/glass/history');
  });

  it('of access', async () => {
    const roles = [
      { role: 'reader', models: 'm*' },
      { role: 'reviewer', capacity: 'risk' },
    ];
    const asked = { actor: 'zoe', kind: 'user', roles, expires: '2999-01-01T00:00:00Z' };
    const { body: issued } = await post('/v1/access/keys', asked, admin);
    const key = issued['id'] as string;
    await get('/v1/access/me', { authorization: `Bearer ${issued['key'] as string}` });
    const grants: Answer[] = [];
    for (const to of [{ key }, { actor: 'zoe' }, { group: 'all of them' }])
      grants.push(
        await post('/v1/access/grants', { to, role: 'reviewer', models: 'm', capacity: 'x' }, admin),
      );
    expect((await post('/v1/access/grants', { to: { key }, role: 'reader' }, admin)).status).toBe(201);
    expect((await post('/v1/access/grants', { to: { key }, role: 'reader' }, admin)).status).toBe(200);
    await get('/v1/access/keys?limit=1', admin);
    await get('/v1/access/grants', admin);
    await call('DELETE', `/v1/access/grants/${grants[0]!.body['id'] as string}`, undefined, admin);
    await call('DELETE', `/v1/access/keys/${key}`, undefined, admin);
    await get('/v1/access/keys', admin);
    await refused('key-unknown', call('DELETE', '/v1/access/keys/none', undefined, admin));
    await refused('credential-invalid', get('/v1/models', { authorization: 'Bearer none' }));
    expect((await get('/v1/access/events', admin)).text).not.toBe('');
  });

  it('of tenants', async () => {
    expect((await post('/v1/tenants', { tenant: 'acme' }, PLATFORM_KEY)).status).toBe(201);
    expect((await post('/v1/tenants', { tenant: 'acme' }, PLATFORM_KEY)).status).toBe(200);
    await post('/v1/tenants/acme/suspension', { reason: 'unpaid' }, PLATFORM_KEY);
    await get('/v1/tenants', PLATFORM_KEY);
    await call('DELETE', '/v1/tenants/acme/suspension', undefined, PLATFORM_KEY);
    await get('/v1/access/me', PLATFORM_KEY);
  });

  it('where a tenant has all it may have, and where the process stops', async () => {
    const quota = { models: 0, versions: 0, bytes: 0 };
    const full = await Edge.open({
      limits: { perSecond: { credential: Infinity, tenant: Infinity }, quota },
    });
    const told: string[] = [];
    const tell = (method: string, url: string, answer: Answer) => {
      told.push(String(answer.body['code']));
      faults.push(...documented.faults(method, url, answer));
    };
    tell('POST', `${MODEL}/versions`, await full.post(`${MODEL}/versions`, release(1)));
    full.running.app.get(Stopping).begin();
    tell('GET', '/readyz', await full.http('/readyz', { headers: CI }));
    tell('POST', `${MODEL}/versions`, await full.post(`${MODEL}/versions`, release(1)));
    expect(told).toEqual(['quota-exceeded', 'stopping', 'stopping']);
    await full.close();
  });

  it('and nothing that it speaks of has been left out here', () => {
    expect(documented.unseen()).toEqual([]);
  });
});
