import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Edge, type Answer } from '../testing/edge';

// Policies over HTTP, from a draft to what they refuse.

let edge: Edge;
beforeAll(async () => (edge = await Edge.open()));
afterAll(() => edge.close());

const as = (actor: string, tenant = 'default') => ({
  'gatehouse-actor': actor,
  'gatehouse-actor-kind': 'user',
  'gatehouse-tenant': tenant,
});
const yaml = (path: string, text: string, headers: object = as('ann')): Promise<Answer> =>
  edge.http(path, {
    method: 'POST',
    headers: { 'content-type': 'application/yaml', ...headers },
    body: text,
  });
const get = (path: string, tenant?: string) => edge.http(path, { headers: as('ann', tenant) });
const activate = (policy: string, n: number, actor = 'bob', tenant?: string) =>
  edge.post(`/v1/policies/${policy}/versions/${n}/activation`, {}, as(actor, tenant));
const HIGH_RISK = readFileSync(join(__dirname, '../../../../examples/policies/high-risk.yaml'), 'utf8');

/** A policy of a name, for models of that name only. */
const policy = (name: string, more: string) => `policy: ${name}\nmodels: ["${name}"]\n${more}`;
async function inForce(name: string, more: string, tenant?: string): Promise<void> {
  expect((await yaml('/v1/policies', policy(name, more), as('ann', tenant))).status).toBe(201);
  expect((await activate(name, 1, 'bob', tenant)).status).toBe(200);
}
/** Gives the key of somebody a role for one model, in a capacity; answers how to take it back. */
async function grant(
  actor: string,
  role: string,
  models: string,
  capacity: string,
): Promise<() => Promise<void>> {
  const admin = { authorization: `Bearer ${await edge.keys.admin()}` };
  const [, , key] = (await edge.keys.key({ actor, kind: 'user' })).split('_');
  const granted = await edge.post('/v1/access/grants', { to: { key }, role, models, capacity }, admin);
  expect(granted.status).toBe(201);
  const path = `/v1/access/grants/${granted.body['id'] as string}`;
  return async () => {
    expect((await edge.http(path, { method: 'DELETE', headers: admin })).status).toBe(200);
  };
}
const run = (f1 = 0.9) => ({
  suite: 's',
  dataset: { name: 'd' },
  metrics: { f1 },
  thresholds: { f1: { min: 0.8 } },
});
/** A version in STAGING, with approvals. */
async function staged(model: string, reviewers: string[], n = 1, manifest: object = { config: { n } }) {
  const at = `/v1/models/${model}/versions`;
  const told = await edge.post(at, { changelog: `the ${n}.`, manifest }, as('ci'));
  expect(told.status).toBe(201);
  expect((await edge.post(`${at}/${n}/evaluations`, run(), as('ci'))).status).toBe(201);
  for (const reviewer of reviewers)
    expect((await edge.post(`${at}/${n}/approvals`, { decision: 'approve' }, as(reviewer))).status).toBe(201);
}
const promote = (model: string, body: object = {}, actor = 'rob', query = '') =>
  edge.post(`/v1/models/${model}/versions/1/promotion${query}`, body, as(actor));

describe('publish', () => {
  it('takes YAML, answers 201 with the version, and knows the same document in JSON', async () => {
    const first = await yaml('/v1/policies', HIGH_RISK, as('ann', 'publish'));
    expect(first.status).toBe(201);
    expect(first.headers.get('location')).toBe('/v1/policies/high-risk/versions/1');
    expect(first.body).toMatchObject({
      changed: true,
      policy: { policy: 'high-risk', version: 1, active: false, publishedBy: { id: 'ann', kind: 'user' } },
      event: { type: 'policy.Published', stream: 'policy-publish', revision: '0', model: null, version: 1 },
    });
    const { document } = first.body['policy'] as { document: object };
    const again = await edge.post('/v1/policies', document, as('bob', 'publish'));
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ changed: false, policy: { version: 1 }, event: null });
  });

  it('refuses what is wrong, and points at all of it', async () => {
    const { status, body } = await yaml('/v1/policies', policy('bad', 'soak: 1\nproduction: {soak: P1M}'));
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid' });
    expect((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual([
      '/soak',
      '/production/soak',
    ]);
    const tooLarge = await yaml('/v1/policies', `#${'x'.repeat(40_000)}`);
    expect([tooLarge.status, tooLarge.body['code']]).toEqual([400, 'invalid']);
  });

  it('takes YAML on this path only, and needs an actor', async () => {
    expect((await yaml('/v1/models/m/versions', 'changelog: x')).status).toBe(415);
    const old = { ...as('ann', 'old-yaml'), 'content-type': 'text/yaml; charset=utf-8' };
    expect((await yaml('/v1/policies', HIGH_RISK, old)).status).toBe(201);
    expect((await yaml('/v1/policies', HIGH_RISK, {})).body['code']).toBe('actor-missing');
  });

  it('has one effect for one Idempotency-Key', async () => {
    const headers = { ...as('ann', 'keys'), 'idempotency-key': 'k1' };
    await yaml('/v1/policies', policy('keyed', ''), headers);
    const again = await yaml('/v1/policies', policy('keyed', ''), headers);
    expect([again.headers.get('idempotent-replayed'), again.body['changed']]).toEqual(['true', true]);
    const other = await yaml('/v1/policies', policy('keyed', 'fourEyes: true'), headers);
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency-key-reused']);
  });
});

describe('activate and read', () => {
  it('needs a second person where the policy says so; lists, versions and diffs tell what is in force', async () => {
    const tenant = 'reads';
    await yaml('/v1/policies', HIGH_RISK, as('ann', tenant));
    const own = await activate('high-risk', 1, 'ann', tenant);
    expect([own.status, own.body['code']]).toEqual([403, 'own-approval']);
    expect((await activate('high-risk', 1, 'bob', tenant)).body).toMatchObject({
      changed: true,
      policy: { active: true, activatedBy: { id: 'bob' } },
    });
    expect((await activate('high-risk', 1, 'bob', tenant)).body).toMatchObject({ changed: false });
    await yaml('/v1/policies', HIGH_RISK.replace('PT24H #', 'PT48H #'), as('ann', tenant));
    expect((await get('/v1/policies', tenant)).body['items']).toEqual([
      { policy: 'built-in', versions: 1, active: 1, models: ['*'] },
      { policy: 'high-risk', versions: 2, active: 1, models: ['fraud-*', 'credit-*'] },
    ]);
    const { body } = await get('/v1/policies/high-risk', tenant);
    expect(body['items']).toMatchObject([
      { version: 2, active: false },
      { version: 1, active: true },
    ]);
    expect(body['activations']).toMatchObject([{ version: 1, by: { id: 'bob' }, replaces: null }]);
    expect((await get('/v1/policies/high-risk/versions', tenant)).body).toEqual(body);
    await activate('high-risk', 2, 'bob', tenant);
    await activate('high-risk', 1, 'cat', tenant);
    expect((await get('/v1/policies/high-risk', tenant)).body['activations']).toMatchObject([
      { version: 1, by: { id: 'cat' }, replaces: 2 },
      { version: 2, by: { id: 'bob' }, replaces: 1 },
      { version: 1, by: { id: 'bob' }, replaces: null },
    ]);
    expect((await get('/v1/policies/high-risk/versions/2/diff?from=1', tenant)).body['changes']).toEqual([
      { pointer: '/production/soak', before: 'PT24H', after: 'PT48H' },
    ]);
    expect((await get('/v1/policies/built-in/versions/1', tenant)).body).toMatchObject({
      document: { staging: { evaluations: { min: 1, every: 'passed' } } },
    });
  });

  it('refuses a tie, and knows no policy of another tenant', async () => {
    await yaml('/v1/policies', 'policy: a\nmodels: ["x-*"]', as('ann', 'ties'));
    await activate('a', 1, 'ann', 'ties');
    await yaml('/v1/policies', 'policy: b\nmodels: ["*-x"]', as('ann', 'ties'));
    const { status, body } = await activate('b', 1, 'ann', 'ties');
    expect([status, body['code'], body['tie']]).toEqual([
      409,
      'policy-tie',
      { policies: ['b', 'a'], patterns: ['*-x', 'x-*'], model: expect.any(String) as string },
    ]);
    const foreign = await get('/v1/policies/a', 'others');
    const unknown = await get('/v1/policies/z', 'others');
    expect([foreign.status, foreign.body['code']]).toEqual([404, 'policy-unknown']);
    expect(unknown.body['code']).toBe('policy-unknown');
    expect((await activate('a', 1, 'ann', 'others')).body['code']).toBe('policy-unknown');
    expect((await get('/v1/policies/a/versions/7', 'ties')).body['code']).toBe('version-unknown');
  });

  it('publishes its schema', async () => {
    const { status, body } = await edge.http('/v1/policy.schema.json');
    expect([status, body['$schema']]).toEqual([200, 'https://json-schema.org/draft/2020-12/schema']);
  });
});

describe('in force', () => {
  it('judges the very next command, and the event names the revision of the policies', async () => {
    await staged('next', ['ann']);
    await inForce('next', 'production: {approvals: [{count: 2}]}');
    const refused = await promote('next');
    expect(refused.body).toMatchObject({
      code: 'not-approved',
      missing: [{ needed: '1 approval by a reviewer' }],
    });
    await edge.post('/v1/models/next/versions/1/approvals', { decision: 'approve' }, as('zoe'));
    const { body } = await promote('next');
    const { data } = body['event'] as { data: { evidence: { policy: object; rules: object[] } } };
    expect(data.evidence.policy).toMatchObject({
      name: 'next',
      version: 1,
      revision: expect.any(String) as string,
    });
    expect(data.evidence.rules).toContainEqual({
      rule: 'approvals >= 2',
      required: 2,
      observed: 2,
      verdict: 'pass',
    });
  });

  it('looks at the manifest again when it promotes, also at one that an older policy let in', async () => {
    await staged('manifests', ['ann']);
    await inForce('manifests', 'register: {rules: [{name: coded, expr: has(manifest.code)}]}');
    const { body } = await promote('manifests');
    expect(body['code']).toBe('gate-not-met');
    expect((body['gate'] as object[])[0]).toMatchObject({ rule: 'coded', observed: false, verdict: 'fail' });
    const told = await edge.post('/v1/models/manifests/versions', {
      changelog: 'x',
      manifest: { config: 2 },
    });
    expect(told.body).toMatchObject({ code: 'gate-not-met', gate: [{ rule: 'coded', verdict: 'fail' }] });
  });

  it('gives expressions what docs/policies.md says: of the version, its registration, evaluations, approvals, who promotes', async () => {
    const exprs = [
      'model == "variables" && version.number == 1.0 && version.registrar == "ci" && promoter == "rob"',
      'version.digest.startsWith("sha256:") && changelog == "the 1." && manifest.config.n == 1.0',
      'evaluations.exists(e, e.suite == "s" && e.passed && e.at <= now && e.metrics["f1"] == 0.9)',
      'metrics["s"]["f1"] > 0.8 && deltas.size() == 0',
      'approvals.all(a, a.by == "ann" && a.at <= now && a.capacities.size() == 0)',
      '!has(version.label) && !has(version.author) && !has(manifest.code)',
    ];
    const rules = exprs.map((expr, i) => `{name: r${i}, expr: ${JSON.stringify(expr)}}`).join(', ');
    await staged('variables', ['ann']);
    await inForce('variables', `production: {rules: [${rules}]}`);
    const { status, body } = await promote('variables');
    expect([status, body['gate']]).toEqual([200, undefined]);
  });

  it('a lone tenant keeps the built-in policy, as its events have always said', async () => {
    const at = '/v1/models/m/versions';
    const who = as('ci', 'lone');
    await edge.post(at, { changelog: 'x', manifest: { config: 1 } }, who);
    const { body } = await edge.post(`${at}/1/evaluations`, run(), who);
    const { policy: ref } = (body['event'] as { data: { policy: object } }).data;
    expect(ref).toEqual({
      name: 'built-in',
      version: 1,
      digest: 'sha256:55799e05d986e70b993f1e6462494361e29805f2e968b82a1bb2bd6e64f4f7d3',
    });
  });
});

describe('explain', () => {
  it('answers every rule of both gates, and what is missing, without an event', async () => {
    await staged('explained', ['ann']);
    await inForce('explained', 'production: {approvals: [{capacity: dpo, count: 1}], soak: PT1H}');
    const head = await edge.head();
    const { body } = await get('/v1/models/explained/versions/1/gates');
    expect(body).toMatchObject({
      policy: { name: 'explained' },
      staging: [{ verdict: 'pass' }, { verdict: 'pass' }],
      approvals: [{ rule: 'approvals of dpo >= 1', verdict: 'fail' }, { verdict: 'pass' }],
      missing: [{ capacity: 'dpo', count: 1 }],
    });
    expect(body['production']).toContainEqual(
      expect.objectContaining({ rule: 'soak >= PT1H', required: 'PT1H', observed: 'PT0M', verdict: 'fail' }),
    );
    const dry = await promote('explained', {}, 'rob', '?dryRun=true');
    expect([dry.status, dry.body['allowed'], dry.body['code']]).toEqual([200, false, 'gate-not-met']);
    expect(await edge.head()).toBe(head);
    expect((await get('/v1/models/explained/versions/9/gates')).body['code']).toBe('version-unknown');
    expect((await promote('explained', {}, 'rob', '?dryRun=maybe')).status).toBe(400);
  });
});

describe('capacities', () => {
  it('count if held at the approval and still held at the promotion; the event has both', async () => {
    await inForce('capable', 'production: {approvals: [{capacity: risk-officer, count: 1}]}');
    const withdraw = await grant('zoe', 'reviewer', 'capable', 'risk-officer');
    await staged('capable', ['zoe']);
    await withdraw();
    expect((await promote('capable')).body).toMatchObject({
      code: 'not-approved',
      missing: [{ capacity: 'risk-officer' }],
    });
    for (const capacity of ['risk-officer', 'other']) await grant('zoe', 'reviewer', 'capable', capacity);
    const { body } = await promote('capable');
    const { evidence } = (body['event'] as { data: { evidence: { counted: object[] } } }).data;
    expect(evidence.counted).toEqual([
      { approval: '2', by: 'zoe', capacity: 'risk-officer', held: ['risk-officer'] },
    ]);
  });
});

describe('break-glass', () => {
  it('goes live without approvals, is listed and counted until a second person reviews it', async () => {
    const rules =
      'production: {approvals: [{count: 2}], soak: PT24H}\nbreakGlass: {capacity: on-call, reviewWithin: PT24H}';
    await inForce('glass', rules);
    await staged('glass', []);
    const glass = { breakGlass: { reason: 'payments are down' } };
    expect((await promote('glass', glass)).body['code']).toBe('role-missing');
    await grant('rob', 'releaser', 'glass', 'on-call');
    expect((await promote('glass', { breakGlass: { reason: ' ' } })).body['code']).toBe('reason-missing');
    expect((await promote('glass', { breakGlass: {} })).status).toBe(400);
    const gone = await promote('glass', glass);
    expect(gone.body).toMatchObject({
      changed: true,
      event: { data: { breakGlass: { reason: 'payments are down' } } },
    });
    const seen = { headers: { ...as('ann'), 'gatehouse-at-least': gone.body['position'] as string } };
    const listed = await edge.http('/v1/break-glass', seen);
    expect(listed.body['items']).toMatchObject([{ model: 'glass', version: 1, by: { id: 'rob' } }]);
    expect((await edge.http('/metrics')).text).toContain('gatehouse_break_glass_unreviewed 1');
    const review = (actor: string) =>
      edge.post('/v1/models/glass/versions/1/promotion/review', { verdict: 'justified' }, as(actor));
    expect((await review('rob')).body['code']).toBe('own-approval');
    const reviewed = await review('ann');
    expect(reviewed.body).toMatchObject({ changed: true, event: { type: 'model.BreakGlassReviewed' } });
    expect((await review('zoe')).body['code']).toBe('no-break-glass');
    await edge.http('/v1/log', { headers: { 'gatehouse-at-least': reviewed.body['position'] as string } });
    const after = { headers: { ...as('ann'), 'gatehouse-at-least': reviewed.body['position'] as string } };
    expect((await edge.http('/v1/break-glass', after)).body['items']).toEqual([]);
    expect((await edge.http('/v1/models/glass/versions/1', after)).body['breakGlass']).toMatchObject([
      { reason: 'payments are down', review: { by: { id: 'ann' }, verdict: 'justified' } },
    ]);
  });
});

describe('tried out', () => {
  it('runs cases', async () => {
    const body = {
      policy: { policy: 'p', models: ['*'], production: { soak: 'PT1H' } },
      cases: [
        { name: 'too soon', at: '2026-01-01T00:00:00Z', expect: { outcome: 'gate-not-met' } },
        { name: 'wrong', at: '2026-01-01T00:00:00Z', expect: { outcome: 'promoted' } },
      ],
    };
    const told = await edge.post('/v1/policies/test', body);
    expect(told.body).toMatchObject({
      passed: 1,
      failed: 1,
      items: [
        { passed: true },
        { differences: [{ what: 'outcome', expected: 'promoted', got: 'gate-not-met' }] },
      ],
    });
    expect((await edge.post('/v1/policies/test', { ...body, policy: 'x.yaml' })).status).toBe(400);
  });

  it('goes over the past, and says which promotions would have been refused and why', async () => {
    await edge.promoted('past-a', 3, 'past');
    await edge.promoted('past-b', 1, 'past');
    await edge.promoted('other', 1, 'past');
    const draft =
      'policy: strict\nmodels: ["past-*"]\nstaging: {suites: [{suite: s, metrics: {f1: {min: 0.95}}}]}';
    const { headers, text } = await yaml('/v1/policies/backtest', draft, as('ann', 'past'));
    expect(headers.get('content-type')).toContain('application/x-ndjson');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toEqual({ type: 'done', models: 2, promotions: 4, refused: 4, events: 16 });
    expect(lines[0]).toMatchObject({
      type: 'refused',
      model: 'past-a',
      version: 1,
      code: 'gate-not-met',
      gate: [{ rule: 'f1 >= 0.95', required: 0.95, observed: 0.9, verdict: 'fail' }],
    });
    const lax = await yaml('/v1/policies/backtest', 'policy: lax\nmodels: ["*"]', as('ann', 'past'));
    expect(JSON.parse(lax.text)).toMatchObject({ type: 'done', promotions: 5, refused: 0 });
    const empty = await yaml('/v1/policies/backtest', draft, as('ann', 'nobody'));
    expect(JSON.parse(empty.text)).toEqual({ type: 'done', models: 0, promotions: 0, refused: 0, events: 0 });
  });

  it('counts in the past as in force: of two who are linked through a key one', async () => {
    const issued = async (actor: string, roles: object[], by: string) => {
      const headers = { authorization: `Bearer ${by}` };
      const { body } = await edge.post('/v1/access/keys', { actor, kind: 'user', roles }, headers);
      return body['key'] as string;
    };
    const ada = await issued('ada', [{ role: 'admin' }, { role: 'reviewer' }], await edge.keys.admin());
    await staged('kin', []);
    for (const key of [ada, await issued('bert', [{ role: 'reviewer' }], ada)]) {
      const headers = { authorization: `Bearer ${key}` };
      const { status } = await edge.post(
        '/v1/models/kin/versions/1/approvals',
        { decision: 'approve' },
        headers,
      );
      expect(status).toBe(201);
    }
    expect((await promote('kin')).status).toBe(200);
    const asking = (count: number) =>
      yaml('/v1/policies/backtest', policy('kin', `production: {approvals: [{count: ${count}}]}`));
    const [refused, done] = (await asking(2)).text.trim().split('\n');
    expect(JSON.parse(refused!)).toMatchObject({ code: 'not-approved', model: 'kin' });
    expect(JSON.parse(done!)).toMatchObject({ type: 'done', promotions: 1, refused: 1 });
    expect(JSON.parse((await asking(1)).text)).toMatchObject({ type: 'done', promotions: 1, refused: 0 });
  });
});

describe('over gRPC', () => {
  it('publishes, activates and reads the same policies, and refuses with the same codes', async () => {
    const published = await edge.rpc(
      'PublishPolicy',
      { document: policy('rpc', 'fourEyes: true') },
      as('ann'),
    );
    expect(published.message).toMatchObject({
      changed: true,
      policy: { policy: 'rpc', version: 1, models: ['rpc'] },
      event: { type: 'policy.Published' },
    });
    const refused = await edge.rpc('ActivatePolicy', { policy: 'rpc', version: 1 }, as('ann'));
    expect([refused.code, refused.details?.reason]).toEqual([7, 'own-approval']);
    expect((await edge.rpc('ActivatePolicy', { policy: 'rpc', version: 1 }, as('bob'))).code).toBe(0);
    const read = await edge.rpc('GetPolicy', { policy: 'rpc', version: 1 }, as('zoe'));
    expect(read.message).toMatchObject({ active: true, activatedBy: { id: 'bob' } });
    expect((await edge.rpc('GetPolicy', { policy: 'nope', version: 1 })).details?.reason).toBe(
      'policy-unknown',
    );
    const bad = await edge.rpc('PublishPolicy', { document: 'policy: x' }, as('ann'));
    expect(bad.details).toMatchObject({ reason: 'invalid', fieldViolations: [{ field: '/models' }] });
  });

  it('lists, compares and tries out what HTTP does', async () => {
    const who = as('ann', 'rpc-reads');
    const soaked = policy('tried', 'production: {soak: PT1H}');
    await edge.rpc('PublishPolicy', { document: policy('tried', '') }, who);
    await edge.rpc('ActivatePolicy', { policy: 'tried', version: 1 }, who);
    await edge.rpc('PublishPolicy', { document: soaked }, who);
    const tried = { policy: 'tried', versions: 2, active: 1, models: ['tried'] };
    expect((await edge.rpc('ListPolicies', {}, who)).message).toEqual({
      items: [{ policy: 'built-in', versions: 1, active: 1, models: ['*'] }, tried],
    });
    expect((await edge.rpc('ListPolicyVersions', { policy: 'tried' }, who)).message).toMatchObject({
      policy: tried,
      items: [{ version: 2, active: false }, { version: 1 }],
      activations: [{ version: 1, by: { id: 'ann' } }],
    });
    const diffed = await edge.rpc('DiffPolicy', { policy: 'tried', version: 2, from: 1 }, who);
    expect(diffed.message).toEqual({
      changes: [
        {
          pointer: '/production',
          after: { structValue: { fields: { soak: { stringValue: 'PT1H' } } } },
        },
      ],
    });
    const cases = `policy: {policy: p, models: ["*"]}
cases:
  - { name: bare, at: 2026-01-01T00:00:00Z, expect: { outcome: promoted } }`;
    expect((await edge.rpc('TestPolicy', { document: cases }, who)).message).toMatchObject({
      failed: 1,
      items: [{ name: 'bare', outcome: 'gate-not-met', differences: [{ what: 'outcome' }] }],
    });
    await edge.promoted('tried', 1, 'rpc-reads');
    const lines: object[] = [];
    for await (const line of await edge.stream('BacktestPolicy', { document: soaked }, who)) lines.push(line);
    expect(lines).toMatchObject([
      { refused: { model: 'tried', version: 1, code: 'gate-not-met', gate: [{ rule: 'soak >= PT1H' }] } },
      { done: { models: 1, promotions: 1, refused: 1, events: 4 } },
    ]);
    const trial = await edge.rpc('TryPromotion', { model: 'tried', version: 1 }, who);
    expect(trial.message).toMatchObject({ allowed: true, gates: { policy: { name: 'tried', version: 1 } } });
  });

  it('explains, breaks the glass and reviews it', async () => {
    await inForce('rpc-glass', 'breakGlass: {capacity: pager, reviewWithin: PT1H}');
    await staged('rpc-glass', []);
    await grant('rob', 'releaser', 'rpc-glass', 'pager');
    const named = { model: 'rpc-glass', version: 1 };
    expect((await edge.rpc('GetGates', named, as('rob'))).message).toMatchObject({
      policy: { name: 'rpc-glass' },
      missing: [{ needed: '1 approval by a reviewer' }],
    });
    const glass = { ...named, breakGlass: { reason: 'fire' } };
    expect((await edge.rpc('Promote', glass, as('rob'))).message).toMatchObject({ changed: true });
    const glassed = { 'gatehouse-at-least': await edge.head() };
    expect((await edge.rpc('ListBreakGlass', {}, glassed)).message?.['items']).toMatchObject([
      { model: 'rpc-glass', version: 1, promotion: { reason: 'fire', by: { id: 'rob' } } },
    ]);
    const review = { ...named, verdict: 'not-justified', comment: 'it could wait' };
    expect((await edge.rpc('ReviewBreakGlass', review, as('rob'))).details?.reason).toBe('own-approval');
    const { message } = await edge.rpc('ReviewBreakGlass', review, as('ann'));
    expect(message).toMatchObject({ event: { type: 'model.BreakGlassReviewed' } });
    const atLeast = { 'gatehouse-at-least': message?.['position'] as string };
    expect((await edge.rpc('GetVersion', { model: 'rpc-glass', ref: '1' }, atLeast)).message).toMatchObject({
      breakGlass: [{ reason: 'fire', review: { verdict: 'not-justified' } }],
    });
  });
});
