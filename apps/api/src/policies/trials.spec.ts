import { setTimeout as sleep } from 'node:timers/promises';
import { Edge } from '../testing/edge';

// Tests of policies that take long, and what becomes of them.

const REQUEST_MS = 2_500;

let edge: Edge;
beforeAll(async () => (edge = await Edge.open({ requestTimeoutMs: REQUEST_MS, bodyLimitKib: 1_024 })));
afterAll(() => edge.close());

const as = (tenant: string) => ({
  'gatehouse-actor': 'ann',
  'gatehouse-actor-kind': 'user',
  'gatehouse-tenant': tenant,
});
const once = (name: string, more: object = {}) => ({
  name,
  at: '2026-03-04T12:00:00Z',
  expect: { outcome: 'gate-not-met' },
  ...more,
});
const QUICK = { policy: { policy: 'p', models: ['*'] }, cases: [once('bare')] };

/** Many suites and many patterns, of which none matches: it takes some ten seconds, and comes to few rules. */
const SLOW = {
  policy: {
    policy: 'slow',
    models: ['*'],
    staging: {
      suites: Array.from({ length: 40 }, (_, n) => ({ suite: `${'*a'.repeat(28)}*b${n}` })),
    },
  },
  cases: Array.from({ length: 100 }, (_, n) =>
    once(`case ${n}`, {
      evaluations: Array.from({ length: 50 }, (_, s) => ({
        suite: `${'a'.repeat(60)}${s}`,
        metrics: { f: 1 },
        thresholds: { f: { min: 0 } },
      })),
    }),
  ),
};
const test = (body: object, tenant: string) => edge.post('/v1/policies/test', body, as(tenant));
/** The answer to a quick one, once the slow ones are there. */
async function turnedAway(tenant: string) {
  let answer = await test(QUICK, tenant);
  for (let tries = 0; answer.status !== 429 && tries < 100; tries++) {
    await sleep(20);
    answer = await test(QUICK, tenant);
  }
  return answer;
}
/** How long until the tenant is not told to slow down any more. */
async function untilFree(tenant: string): Promise<number> {
  const start = performance.now();
  while ((await test(QUICK, tenant)).status === 429) await sleep(10);
  return performance.now() - start;
}

it('two at a time of a tenant, over both doors, and of another tenant others', async () => {
  await test(QUICK, 'busy');
  const [one, two] = [test(SLOW, 'busy'), test(SLOW, 'busy')];
  const third = await turnedAway('busy');
  expect([third.status, third.body['code'], third.headers.get('retry-after')]).toEqual([
    429,
    'slow-down',
    '5',
  ]);
  const rpc = await edge.rpc('TestPolicy', { document: JSON.stringify(QUICK) }, as('busy'));
  expect(rpc.details?.reason).toBe('slow-down');
  const draft = await edge.post('/v1/policies/backtest', QUICK.policy, as('busy'));
  expect(draft.body['code']).toBe('slow-down');
  expect((await test(QUICK, 'idle')).status).toBe(200);
  expect([(await one).status, (await two).status]).toEqual([408, 408]);
  // Whoever was answered is not worked for any longer.
  expect(await untilFree('busy')).toBeLessThan(4_000);
}, 120_000);

it('ends when the client has left, and others have their turn meanwhile', async () => {
  await test(QUICK, 'left');
  const leaving = new AbortController();
  const headers = {
    ...(await edge.as({ actor: 'ann', kind: 'user', tenant: 'left' })),
    'content-type': 'application/json',
  };
  const asked = [1, 2].map(() =>
    fetch(`http://${edge.running.http}/v1/policies/test`, {
      method: 'POST',
      headers,
      body: JSON.stringify(SLOW),
      signal: leaving.signal,
    }).catch(() => 'left'),
  );
  expect((await turnedAway('left')).status).toBe(429);
  const start = performance.now();
  expect((await edge.http('/healthz')).status).toBe(200);
  expect(performance.now() - start).toBeLessThan(4_000);
  leaving.abort();
  expect(await Promise.all(asked)).toEqual(['left', 'left']);
  expect(await untilFree('left')).toBeLessThan(4_000);
});

it('answers 10,000 rules at most, and says which case is too many', async () => {
  const metrics = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`m${n}`, { min: 0 }]));
  const wide = {
    policy: { policy: 'wide', models: ['*'], staging: { suites: [{ suite: '*', metrics }] } },
    cases: Array.from({ length: 20 }, (_, n) =>
      once(`case ${n}`, {
        evaluations: Array.from({ length: 50 }, (_, s) => ({ suite: `s${s}`, metrics: { m0: 1 } })),
      }),
    ),
  };
  const patient = await Edge.open();
  const ask = (asked: object) => patient.post('/v1/policies/test', asked, as('wide'));
  const { status, body } = await ask(wide);
  expect([status, body['code'], body['errors']]).toEqual([
    400,
    'too-many',
    [expect.objectContaining({ pointer: '/cases/9' })],
  ]);
  expect((await ask({ ...wide, cases: wide.cases.slice(0, 9) })).status).toBe(200);
  await patient.close();
}, 180_000);
