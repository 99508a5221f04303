import { Edge } from '../testing/edge';
import { callerOf, grpcDoor, httpDoor, withoutNull, type Ask, SOME_TEXT } from './testing/doors';
import { APPROVE, Lives, REJECT, release, run } from './testing/lives';

/** The table of docs/api, by code: the status of HTTP and of gRPC. */
const STATUS: Record<string, readonly [http: number, grpc: number]> = {
  'too-many': [400, 3],
  invalid: [400, 3],
  'actor-missing': [401, 16],
  'own-approval': [403, 7],
  'role-missing': [403, 7],
  'model-unknown': [404, 5],
  'version-unknown': [404, 5],
  'digest-differs': [409, 9],
  'label-taken': [409, 9],
  'gate-not-met': [409, 9],
  'not-in-staging': [409, 9],
  'not-approved': [409, 9],
  'approval-void': [409, 9],
  'never-live': [409, 9],
  'is-live': [409, 9],
  'is-rollback-target': [409, 9],
  'is-deprecated': [409, 9],
  'no-rollback-target': [409, 9],
  'pointer-moved': [412, 10],
  'too-large': [413, 8],
  'changelog-missing': [422, 9],
  'reason-missing': [422, 9],
  'notice-too-short': [422, 9],
  'idempotency-key-reused': [422, 9],
};

const OTHER = `sha256:${'0'.repeat(64)}`;
const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);

type Row = readonly [
  code: string,
  what: string,
  given: (lives: Lives, model: string) => Promise<unknown>,
  ask: Omit<Ask, 'model'>,
  /** Members of the answer that this code carries; none otherwise. */
  facts?: Record<string, unknown>,
];
const nothing = () => Promise.resolve();
const live = (n: number) => (lives: Lives, model: string) => lives.live(model, n);
const rolledBack = async (lives: Lives, model: string) => {
  await lives.live(model, 2);
  await lives.rollBack(model, { from: 2 });
};
const promote = (version: number, more: Partial<Ask> = {}) =>
  ({ verb: 'promote', version, body: {}, actor: 'bob', ...more }) as const;
const approve = (body: Ask['body'] = APPROVE, actor = 'ann') =>
  ({ verb: 'approve', version: 1, body, actor }) as const;
const rollBack = (body: object) =>
  ({ verb: 'rollBack', body: { reason: 'drift', ...body }, actor: 'bob' }) as const;
const deprecate = (version: number, body: object = {}) =>
  ({ verb: 'deprecate', version, body: { sunset: '2999-01-01', ...body }, actor: 'bob' }) as const;

const ROWS: Row[] = [
  ['model-unknown', 'evaluate', nothing, { verb: 'evaluate', version: 1, body: run(1) }],
  ['model-unknown', 'approve', nothing, approve()],
  ['model-unknown', 'promote', nothing, promote(1)],
  ['model-unknown', 'roll back', nothing, rollBack({ from: 1 })],
  ['model-unknown', 'deprecate', nothing, deprecate(1)],
  ['version-unknown', 'a number in the path', live(1), promote(2)],
  ['version-unknown', 'a number far too high', live(1), promote(4_294_967_295)],
  ['version-unknown', 'from, a number', live(1), rollBack({ from: 2 })],
  ['version-unknown', 'from, a digest', live(1), rollBack({ from: OTHER })],
  ['version-unknown', 'to', live(1), rollBack({ from: 1, to: 7 })],
  ['version-unknown', 'successor', live(2), deprecate(1, { successor: 7 })],
  [
    'version-unknown',
    'parent',
    live(1),
    { verb: 'register', body: release(2, { manifest: { config: 2, parent: 2 } }) },
  ],
  ['digest-differs', 'the digest', (l, m) => l.staged(m, 1), approve({ ...APPROVE, digest: OTHER })],
  ['digest-differs', 'the evaluations', (l, m) => l.staged(m, 1), approve({ ...APPROVE, evaluated: OTHER })],
  ['label-taken', 'another digest', live(1), { verb: 'register', body: release(2, { label: '1.0' }) }],
  ['changelog-missing', 'blank', nothing, { verb: 'register', body: release(1, { changelog: ' \n\t' }) }],
  ['changelog-missing', 'empty', nothing, { verb: 'register', body: release(1, { changelog: '' }) }],
  [
    'gate-not-met',
    'promotion from DEV, nothing evaluated',
    (l, m) => l.register(m, 1),
    promote(1),
    {
      gate: [
        expect.objectContaining({ rule: 'stage', required: 'STAGING', observed: 'DEV', verdict: 'fail' }),
        { rule: 'evaluations >= 1', required: 1, observed: 0, verdict: 'fail' },
      ],
    },
  ],
  [
    'gate-not-met',
    'approval after a run that failed, with what was not measured as inconclusive',
    async (l, m) => {
      await l.staged(m, 1);
      await l.evaluate(m, 1, run(0.7, { thresholds: { f1: { min: 0.8 }, recall: { min: 0.5 } } }));
    },
    approve(),
    {
      gate: [
        { rule: 'evaluations >= 1', required: 1, observed: 1, verdict: 'pass' },
        { rule: 'f1 >= 0.8', suite: 'holdout', metric: 'f1', required: 0.8, observed: 0.7, verdict: 'fail' },
        expect.objectContaining({ metric: 'recall', verdict: 'inconclusive', observed: null }),
      ],
    },
  ],
  [
    'gate-not-met',
    'a promotion is judged again, against what is live by now',
    async (l, m) => {
      await l.register(m, 1);
      await l.evaluate(m, 1, run(0.85, { thresholds: { f1: { min: 0.8, maxRegression: 0.01 } } }));
      await l.approve(m, 1);
      await l.staged(m, 2);
      await l.approve(m, 2);
      await l.promote(m, 2);
    },
    promote(1),
    {
      gate: [
        expect.objectContaining({ rule: 'evaluations >= 1', verdict: 'pass' }),
        expect.objectContaining({ rule: 'f1 >= 0.8', verdict: 'pass' }),
        expect.objectContaining({
          rule: 'f1 regression <= 0.01',
          required: 0.01,
          observed: 0.05,
          verdict: 'fail',
        }),
      ],
    },
  ],
  ['not-in-staging', 'approval in DEV', (l, m) => l.register(m, 1), approve()],
  ['own-approval', 'the registrar', (l, m) => l.staged(m, 1), approve(APPROVE, 'ci')],
  ['own-approval', 'the author', (l, m) => l.staged(m, 1, { author: 'dana' }), approve(REJECT, 'dana')],
  ['role-missing', 'a service', (l, m) => l.staged(m, 1), { ...approve(), actor: 'bot', kind: 'service' }],
  [
    'not-approved',
    'nobody approved',
    (l, m) => l.staged(m, 1),
    promote(1),
    { missing: [{ needed: SOME_TEXT }] },
  ],
  [
    'not-approved',
    'a rejection stands',
    async (l, m) => {
      await l.staged(m, 1);
      await l.approve(m, 1);
      await l.approve(m, 1, 'carol', REJECT);
    },
    promote(1),
    { missing: [{ needed: SOME_TEXT, by: 'carol' }] },
  ],
  [
    'approval-void',
    'evaluated again after the approval',
    async (l, m) => {
      await l.staged(m, 1);
      await l.approve(m, 1);
      await l.evaluate(m, 1);
    },
    promote(1),
    { missing: [{ needed: SOME_TEXT }] },
  ],
  [
    'approval-void',
    'rolled back after the approval',
    rolledBack,
    promote(2),
    { missing: [{ needed: SOME_TEXT }] },
  ],
  [
    'never-live',
    'roll back to it',
    async (l, m) => {
      await l.live(m, 2);
      await l.staged(m, 3);
    },
    rollBack({ from: 2, to: 3 }),
  ],
  ['is-live', 'approve it', live(1), approve(APPROVE, 'carol')],
  ['is-live', 'deprecate it', live(1), deprecate(1)],
  ['is-live', 'roll back to where it is', live(2), rollBack({ from: 2, to: 2 })],
  ['is-rollback-target', 'deprecate it', live(2), deprecate(1)],
  ...(
    [
      ['evaluate it', { verb: 'evaluate', version: 1, body: run(1) }],
      ['approve it', approve(APPROVE, 'carol')],
      ['promote it', promote(1)],
      ['deprecate it another day', deprecate(1, { sunset: '2999-01-02' })],
      ['name it as successor', deprecate(4, { successor: 1 })],
      ['roll back to it', rollBack({ from: 3, to: 1 })],
    ] as const
  ).map(([what, ask]): Row => [
    'is-deprecated',
    what,
    async (l, m) => {
      await l.live(m, 3);
      await l.register(m, 4);
      await l.deprecate(m, 1);
    },
    ask,
  ]),
  ['no-rollback-target', 'the first version', live(1), rollBack({ from: 1 })],
  ['no-rollback-target', 'one that was rolled back itself', rolledBack, rollBack({ from: 1, to: 2 })],
  ['reason-missing', 'absent', live(2), rollBack({ from: 2, reason: undefined })],
  ['reason-missing', 'other, no note', live(2), rollBack({ from: 2, reason: 'other' })],
  ['reason-missing', 'other, a blank note', live(2), rollBack({ from: 2, reason: 'other', note: ' ' })],
  ['reason-missing', 'also where there is no model', nothing, rollBack({ from: 2, reason: undefined })],
  ['notice-too-short', 'a day too soon', live(3), deprecate(1, { sunset: day(29) }), { earliest: day(30) }],
  ['notice-too-short', 'long ago', live(3), deprecate(1, { sunset: '2001-01-01' }), { earliest: SOME_TEXT }],
  [
    'pointer-moved',
    'a stale If-Match',
    live(2),
    promote(1, { ifMatch: '"1"' }),
    {
      live: expect.objectContaining({
        revision: 2,
        current: { version: 2, digest: SOME_TEXT, label: '2.0' },
      }),
    },
  ],
  [
    'pointer-moved',
    'a stale If-Match is refused before "it is live"',
    live(2),
    promote(2, { ifMatch: '"1"' }),
    { live: expect.anything() },
  ],
  [
    'pointer-moved',
    'from is not live',
    live(2),
    rollBack({ from: 1 }),
    { live: expect.objectContaining({ revision: 2 }) },
  ],
  [
    'pointer-moved',
    'nothing is live',
    (l, m) => l.staged(m, 1),
    rollBack({ from: 1 }),
    { live: expect.objectContaining({ revision: 0 }) },
  ],
  [
    'idempotency-key-reused',
    'another command',
    (l, m) =>
      l.must({ verb: 'register', model: m, body: release(1), actor: 'ci', kind: 'service', key: 'k-1' }),
    { verb: 'register', body: release(2), actor: 'ci', kind: 'service', key: 'k-1' },
  ],
  [
    'too-many',
    'more than 1,000 metrics on the table, over two suites',
    async (l, m) => {
      await l.register(m, 1);
      await l.evaluate(m, 1, { suite: 'a', dataset: { name: 'd' }, metrics: metrics(600) });
    },
    {
      verb: 'evaluate',
      version: 1,
      body: { suite: 'b', dataset: { name: 'd' }, metrics: metrics(401) },
    },
  ],
  [
    'too-many',
    'a 51st suite',
    async (l, m) => {
      await l.register(m, 1);
      for (let n = 0; n < 50; n++) await l.evaluate(m, 1, run(0.9, { suite: `s${n}` }));
    },
    { verb: 'evaluate', version: 1, body: run(0.9, { suite: 's50' }) },
  ],
  [
    'too-many',
    'a 101st reviewer',
    async (l, m) => {
      await l.staged(m, 1);
      for (let n = 0; n < 100; n++) await l.approve(m, 1, `r${n}`);
    },
    approve(APPROVE, 'r100'),
  ],
  ['actor-missing', 'nobody', live(1), promote(1, { actor: '' })],
  [
    'too-many',
    'bounds on 9,000 metrics',
    (l, m) => l.register(m, 1),
    { verb: 'evaluate', version: 1, body: run(0.9, { thresholds: bounds(9_000) }) },
  ],
];

function metrics(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, n]));
}

function bounds(count: number): Record<string, object> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, { min: n }]));
}

let edge: Edge;
let lives: Lives;
beforeAll(async () => {
  edge = await Edge.open();
  lives = new Lives(edge);
});
afterAll(() => edge.close());

describe('a refusal is the same over both doors, and leaves nothing', () => {
  it.each(ROWS.map((row, n) => [row[0], row[1], n] as const))('%s: %s', async (code, _what, n) => {
    const [, , given, question, facts = {}] = ROWS[n]!;
    const model = `m${n}`;
    await given(lives, model);
    const caller = callerOf(question);
    if (caller.actor !== '') await edge.as(caller);
    const head = await edge.head();
    const http = await httpDoor(edge).ask({ ...question, model });
    const grpc = await grpcDoor(edge).ask({ ...question, model });
    expect([http.code, grpc.code]).toEqual([code, code]);
    expect([http.status, grpc.status]).toEqual(STATUS[code]);
    expect(http.facts).toEqual(facts);
    expect(withoutNull(grpc.facts)).toEqual(withoutNull(http.facts));
    expect(grpc.detail).toBe(http.detail);
    expect(http.detail).toMatch(/^\S.*\.$/);
    expect(http.errors ?? []).toEqual(grpc.errors ?? []);
    expect(await edge.head()).toBe(head);
  });

  it('whoever lost the pointer is told what GET answers', async () => {
    await lives.live('lost', 2);
    const question = { ...promote(1, { ifMatch: '"0"' }), model: 'lost' };
    const read = await edge.http('/v1/models/lost/live', {
      headers: { 'gatehouse-at-least': await edge.head() },
    });
    expect((await httpDoor(edge).ask(question)).facts!['live']).toEqual(read.body);
    expect(withoutNull((await grpcDoor(edge).ask(question)).facts!['live'])).toEqual(withoutNull(read.body));
  });

  it('too many metrics in one body are pointed at', async () => {
    await lives.register('many', 1);
    const question: Ask = {
      verb: 'evaluate',
      model: 'many',
      version: 1,
      body: { suite: 's', dataset: { name: 'd' }, metrics: metrics(1_001) },
    };
    for (const door of [httpDoor(edge), grpcDoor(edge)])
      expect(await door.ask(question)).toMatchObject({ code: 'too-many', errors: [{ pointer: '/metrics' }] });
  });

  it('what is too large is refused: a body over HTTP, over gRPC the event that would come of it', async () => {
    // One byte in a message, six in JSON.
    const question: Ask = {
      verb: 'register',
      model: 'large',
      body: release(1, { changelog: 'x', manifest: { config: '\u0001'.repeat(100_000) } }),
    };
    const told = [await httpDoor(edge).ask(question), await grpcDoor(edge).ask(question)];
    expect(told.map(({ code }) => code)).toEqual(['too-large', 'too-large']);
    expect(told.map(({ status }) => status)).toEqual(STATUS['too-large']);
  });

  it('every code that a write can be refused with is in this table', () => {
    const seen = new Set([...ROWS.map(([code]) => code), 'too-large']);
    expect(Object.keys(STATUS).filter((code) => code !== 'invalid' && !seen.has(code))).toEqual([]);
  });
});

describe('the order of judgement, where two refusals could be the answer', () => {
  beforeAll(() => lives.live('in-order', 2));

  const both = async (question: Ask): Promise<string[]> =>
    Promise.all([httpDoor(edge), grpcDoor(edge)].map(async (door) => (await door.ask(question)).code));

  it.each<[string, string, Omit<Ask, 'model'>]>([
    ['model-unknown before pointer-moved', 'model-unknown', promote(1, { ifMatch: '"5"' })],
    [
      'changelog-missing before the parent',
      'changelog-missing',
      { verb: 'register', body: { changelog: '', manifest: { config: 1, parent: 9 } } },
    ],
    ['reason-missing before version-unknown', 'reason-missing', rollBack({ from: 9, reason: undefined })],
  ])('%s', async (_what, code, question) => {
    expect(await both({ ...question, model: 'ordered' })).toEqual([code, code]);
  });

  it.each<[string, string, Omit<Ask, 'model'>]>([
    ['version-unknown before pointer-moved', 'version-unknown', promote(9, { ifMatch: '"9"' })],
    ['pointer-moved before from is not live', 'pointer-moved', { ...rollBack({ from: 1 }), ifMatch: '"9"' }],
    ['own-approval before role-missing', 'own-approval', { ...approve(APPROVE, 'ci'), kind: 'service' }],
    ['role-missing before is-live', 'role-missing', { ...approve(APPROVE, 'bot'), kind: 'service' }],
    ['is-live before digest-differs', 'is-live', { ...approve({ ...APPROVE, digest: OTHER }), version: 2 }],
    ['is-rollback-target before notice', 'is-rollback-target', deprecate(1, { sunset: '2001-01-01' })],
    ['is-live before the gate', 'is-live', { ...approve(APPROVE, 'carol'), version: 2 }],
  ])('%s', async (_what, code, question) => {
    expect(await both({ ...question, model: 'in-order' })).toEqual([code, code]);
  });
});
