import { Edge } from '../testing/edge';
import { grpcDoor, httpDoor, withoutNull, type Ask, type Told, type Verb, SOME_TEXT } from './testing/doors';
import { Lives, release, run } from './testing/lives';

const D = `sha256:${'a'.repeat(64)}`;
const LONG = 'x'.repeat(10_001);
const artifact = (more: object = {}) => ({
  manifest: { artifacts: [{ name: 'w', uri: 's3://w', digest: D, ...more }] },
});
const manifest = (members: object) => ({ manifest: { config: 1, ...members } });
const bound = (limits: unknown) => ({ thresholds: { f1: limits } });
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

/** What is good of each verb; a row changes one thing in it. */
const GOOD: Record<Verb, Omit<Ask, 'model' | 'verb'> & { body: object }> = {
  register: { body: release(9) },
  evaluate: { version: 1, body: run(0.9) },
  approve: { version: 1, body: { decision: 'approve' } },
  promote: { version: 1, body: {} },
  rollBack: { body: { from: 1, reason: 'drift' } },
  deprecate: { version: 1, body: { sunset: '2999-01-31' } },
};

type Row = readonly [what: string, verb: Verb, change: object, pointer: string];

/** What both doors can say. */
const BOTH: Row[] = [
  ['no changelog', 'register', { changelog: undefined }, '/changelog'],
  ['a changelog of 10,001', 'register', { changelog: LONG }, '/changelog'],
  ['no manifest', 'register', { manifest: undefined }, '/manifest'],
  ['an empty manifest', 'register', { manifest: {} }, '/manifest'],
  [
    'a manifest of what does not count',
    'register',
    { manifest: { run: 'https://ci', code: { revision: 'a' } } },
    '/manifest',
  ],
  [
    'a manifest whose members are empty',
    'register',
    { manifest: { artifacts: [], config: {}, prompt: '', retrieval: [] } },
    '/manifest',
  ],
  ['an empty label', 'register', { label: '' }, '/label'],
  ['a label with a space', 'register', { label: '1 0' }, '/label'],
  ['a label that begins with a dot', 'register', { label: '.1' }, '/label'],
  ['a label with a line after it', 'register', { label: '1.0\n' }, '/label'],
  ['a label of 65', 'register', { label: 'a'.repeat(65) }, '/label'],
  ['an empty author', 'register', { author: '' }, '/author'],
  ['an author with a space', 'register', { author: 'dana d' }, '/author'],
  ['an author of 129', 'register', { author: 'd'.repeat(129) }, '/author'],
  ['an artifact without a name', 'register', artifact({ name: undefined }), '/manifest/artifacts/0/name'],
  ['an artifact with an empty name', 'register', artifact({ name: '' }), '/manifest/artifacts/0/name'],
  ['an artifact without a uri', 'register', artifact({ uri: undefined }), '/manifest/artifacts/0/uri'],
  [
    'an artifact without a digest',
    'register',
    artifact({ digest: undefined }),
    '/manifest/artifacts/0/digest',
  ],
  ['a digest of 63', 'register', artifact({ digest: D.slice(0, -1) }), '/manifest/artifacts/0/digest'],
  ['a digest of 65', 'register', artifact({ digest: `${D}a` }), '/manifest/artifacts/0/digest'],
  [
    'a digest in upper case',
    'register',
    artifact({ digest: D.toUpperCase() }),
    '/manifest/artifacts/0/digest',
  ],
  [
    'a digest of md5',
    'register',
    artifact({ digest: `md5:${'a'.repeat(32)}` }),
    '/manifest/artifacts/0/digest',
  ],
  ['bytes below 0', 'register', artifact({ bytes: -1 }), '/manifest/artifacts/0/bytes'],
  ['half a byte', 'register', artifact({ bytes: 0.5 }), '/manifest/artifacts/0/bytes'],
  ['bytes of 2^53', 'register', artifact({ bytes: 2 ** 53 }), '/manifest/artifacts/0/bytes'],
  [
    'the second of two artifacts',
    'register',
    { manifest: { artifacts: [artifact().manifest.artifacts[0], { name: 'v', digest: D }] } },
    '/manifest/artifacts/1/uri',
  ],
  [
    'a dataset without a name',
    'register',
    manifest({ datasets: [{ role: 'training' }] }),
    '/manifest/datasets/0/name',
  ],
  [
    'a bad digest of a dataset',
    'register',
    manifest({ datasets: [{ name: 'd', digest: 'x' }] }),
    '/manifest/datasets/0/digest',
  ],
  [
    'a size below 0',
    'register',
    manifest({ datasets: [{ name: 'd', size: -1 }] }),
    '/manifest/datasets/0/size',
  ],
  ['a parent of 0', 'register', manifest({ parent: 0 }), '/manifest/parent'],
  ['a run of 10,001', 'register', manifest({ run: LONG }), '/manifest/run'],
  ['a revision of 10,001', 'register', manifest({ code: { revision: LONG } }), '/manifest/code/revision'],
  [
    'a framework name of 10,001',
    'register',
    manifest({ framework: { name: LONG } }),
    '/manifest/framework/name',
  ],
  ['depth 17', 'register', { manifest: { config: nested(15) } }, `/manifest/config${'/0'.repeat(14)}`],
  ['NUL in text', 'register', { changelog: 'a\0b' }, '/changelog'],
  ['NUL in free JSON', 'register', { manifest: { prompt: { a: ['\0'] } } }, '/manifest/prompt/a/0'],
  ['$ in free JSON', 'register', { manifest: { config: { $ref: 1 } } }, '/manifest/config/$ref'],
  ['an integer beyond 2^53 in free JSON', 'register', { manifest: { config: 2 ** 53 } }, '/manifest/config'],
  [
    'a slash and a tilde in the pointer',
    'register',
    { manifest: { config: { 'a/b~c': '\0' } } },
    '/manifest/config/a~1b~0c',
  ],

  ['no suite', 'evaluate', { suite: undefined }, '/suite'],
  ['an empty suite', 'evaluate', { suite: '' }, '/suite'],
  ['a suite with a space', 'evaluate', { suite: 'a b' }, '/suite'],
  ['a suite that begins with a slash', 'evaluate', { suite: '/a' }, '/suite'],
  ['a suite of 65', 'evaluate', { suite: 'a'.repeat(65) }, '/suite'],
  ['no dataset', 'evaluate', { dataset: undefined }, '/dataset'],
  ['a dataset without a name', 'evaluate', { dataset: { digest: D } }, '/dataset/name'],
  [
    'a dataset with a bad digest',
    'evaluate',
    { dataset: { name: 'd', digest: 'sha256:1' } },
    '/dataset/digest',
  ],
  ['a dataset of half a record', 'evaluate', { dataset: { name: 'd', size: 1.5 } }, '/dataset/size'],
  ['no metrics', 'evaluate', { metrics: undefined }, '/metrics'],
  ['no metric in metrics', 'evaluate', { metrics: {} }, '/metrics'],
  ['a metric whose name is empty', 'evaluate', { metrics: { '': 1 } }, '/metrics/'],
  ['a metric with a space', 'evaluate', { metrics: { 'f 1': 1 } }, '/metrics/f 1'],
  ['a metric of 65', 'evaluate', { metrics: { ['a'.repeat(65)]: 1 } }, `/metrics/${'a'.repeat(65)}`],
  ['a metric that begins with a slash', 'evaluate', { metrics: { '/f1': 1 } }, '/metrics/~1f1'],
  ['a metric beyond 2^53', 'evaluate', { metrics: { f1: 2 ** 60 } }, '/metrics/f1'],
  ['a reserved name', 'evaluate', { metrics: { constructor: 1 } }, '/metrics/constructor'],
  ['a bound whose name is none', 'evaluate', { thresholds: { 'f 1': { min: 1 } } }, '/thresholds/f 1'],
  ['a bound that says nothing', 'evaluate', bound({}), '/thresholds/f1'],
  ['a bound that says the way only', 'evaluate', bound({ better: 'higher' }), '/thresholds/f1'],
  ['min above max', 'evaluate', bound({ min: 2, max: 1 }), '/thresholds/f1/min'],
  [
    'a regression below 0',
    'evaluate',
    bound({ min: 0, maxRegression: -0.01 }),
    '/thresholds/f1/maxRegression',
  ],
  ['a regression, no way', 'evaluate', bound({ maxRegression: 1 }), '/thresholds/f1/better'],
  [
    'a regression, min and max, no way',
    'evaluate',
    bound({ min: 0, max: 1, maxRegression: 1 }),
    '/thresholds/f1/better',
  ],
  ['min, and lower is better', 'evaluate', bound({ min: 0, better: 'lower' }), '/thresholds/f1/better'],
  ['max, and higher is better', 'evaluate', bound({ max: 0, better: 'higher' }), '/thresholds/f1/better'],
  ['a way there is not', 'evaluate', bound({ min: 0, better: 'up' }), '/thresholds/f1/better'],
  ['a report without a uri', 'evaluate', { report: { digest: D } }, '/report/uri'],
  ['a report with a bad digest', 'evaluate', { report: { uri: 'u', digest: 'x' } }, '/report/digest'],

  ['no decision', 'approve', { decision: undefined }, '/decision'],
  ['a decision there is not', 'approve', { decision: 'Approve' }, '/decision'],
  ['a comment of 10,001', 'approve', { comment: LONG }, '/comment'],
  ['a bad digest', 'approve', { digest: 'latest' }, '/digest'],
  ['a bad evaluated', 'approve', { evaluated: 'latest' }, '/evaluated'],
  ['a note of 10,001', 'promote', { note: LONG }, '/note'],
  ['no from', 'rollBack', { from: undefined }, '/from'],
  ['from 0', 'rollBack', { from: 0 }, '/from'],
  ['from a label', 'rollBack', { from: 'latest' }, '/from'],
  ['a reason there is not', 'rollBack', { reason: 'boredom' }, '/reason'],
  ['an empty reason', 'rollBack', { reason: '' }, '/reason'],
  ['a note of 10,001', 'rollBack', { note: LONG }, '/note'],
  ['no sunset', 'deprecate', { sunset: undefined }, '/sunset'],
  ['an empty sunset', 'deprecate', { sunset: '' }, '/sunset'],
  ['an instant', 'deprecate', { sunset: '2999-01-31T00:00:00Z' }, '/sunset'],
  ['a day that is none', 'deprecate', { sunset: '2999-02-29' }, '/sunset'],
  ['a month that is none', 'deprecate', { sunset: '2999-13-01' }, '/sunset'],
  ['a short day', 'deprecate', { sunset: '2999-1-1' }, '/sunset'],
  ['successor 0', 'deprecate', { successor: 0 }, '/successor'],
  ['itself as successor', 'deprecate', { successor: 1 }, '/successor'],
];

/** What only JSON can say. */
const JSON_ONLY: Row[] = [
  ...(Object.keys(GOOD) as Verb[]).map((verb): Row => ['an unknown field', verb, { extra: 1 }, '/extra']),
  ['an unknown field that Nest would drop', 'promote', { prototype: 1 }, '/prototype'],
  ['an actor in the body', 'register', { actor: { id: 'a' } }, '/actor'],
  ['the number in the body', 'promote', { version: 2 }, '/version'],
  ['an unknown member of a manifest', 'register', manifest({ extra: 1 }), '/manifest/extra'],
  ['an unknown member of an artifact', 'register', artifact({ extra: 1 }), '/manifest/artifacts/0/extra'],
  ['an unknown member of code', 'register', manifest({ code: { branch: 'main' } }), '/manifest/code/branch'],
  [
    'an unknown member of a dataset',
    'register',
    manifest({ datasets: [{ name: 'd', rows: 1 }] }),
    '/manifest/datasets/0/rows',
  ],
  [
    'an unknown member of a framework',
    'register',
    manifest({ framework: { url: 'u' } }),
    '/manifest/framework/url',
  ],
  ['an unknown member of the dataset', 'evaluate', { dataset: { name: 'd', role: 'test' } }, '/dataset/role'],
  ['an unknown member of the report', 'evaluate', { report: { uri: 'u', title: 't' } }, '/report/title'],
  ['an unknown member of a bound', 'evaluate', bound({ min: 1, equals: 2 }), '/thresholds/f1/equals'],
  ['a number for a label', 'register', { label: 1 }, '/label'],
  ['a number for a changelog', 'register', { changelog: 1 }, '/changelog'],
  ['null for a changelog', 'register', { changelog: null }, '/changelog'],
  ['[] for a manifest', 'register', { manifest: [] }, '/manifest'],
  ['null for a manifest', 'register', { manifest: null }, '/manifest'],
  ['text for a manifest', 'register', { manifest: 'm' }, '/manifest'],
  ['an object for artifacts', 'register', { manifest: { artifacts: { a: 1 } } }, '/manifest/artifacts'],
  ['text for an artifact', 'register', { manifest: { artifacts: ['w'] } }, '/manifest/artifacts'],
  ['null for an artifact', 'register', { manifest: { artifacts: [null] } }, '/manifest/artifacts'],
  ['[] for an artifact', 'register', { manifest: { artifacts: [[]] } }, '/manifest/artifacts'],
  ['an array for code', 'register', manifest({ code: ['a'] }), '/manifest/code'],
  ['text for bytes', 'register', artifact({ bytes: '1' }), '/manifest/artifacts/0/bytes'],
  ['null for a digest', 'register', artifact({ digest: null }), '/manifest/artifacts/0/digest'],
  ['text for a parent', 'register', manifest({ parent: '1' }), '/manifest/parent'],
  ['a parent of 1.5', 'register', manifest({ parent: 1.5 }), '/manifest/parent'],
  ['[] for a dataset', 'evaluate', { dataset: [] }, '/dataset'],
  ['null for a dataset', 'evaluate', { dataset: null }, '/dataset'],
  ['[] for metrics', 'evaluate', { metrics: [] }, '/metrics'],
  ['null for metrics', 'evaluate', { metrics: null }, '/metrics'],
  ['text for a metric', 'evaluate', { metrics: { f1: '0.9' } }, '/metrics/f1'],
  ['null for a metric', 'evaluate', { metrics: { f1: null } }, '/metrics/f1'],
  ['[] for thresholds', 'evaluate', { thresholds: [] }, '/thresholds'],
  ['[] for a bound', 'evaluate', bound([]), '/thresholds/f1'],
  ['null for a bound', 'evaluate', bound(null), '/thresholds/f1'],
  ['a number for a bound', 'evaluate', bound(0.9), '/thresholds/f1'],
  ['text for min', 'evaluate', bound({ min: '1' }), '/thresholds/f1/min'],
  ['[] for a report', 'evaluate', { report: [] }, '/report'],
  ['text for a report', 'evaluate', { report: 'u' }, '/report'],
  ['a truth for a decision', 'approve', { decision: true }, '/decision'],
  ['a list of decisions', 'approve', { decision: ['approve'] }, '/decision'],
  ['a number for a note', 'promote', { note: 1 }, '/note'],
  ['text for from', 'rollBack', { from: '1' }, '/from'],
  ['from 1.5', 'rollBack', { from: 1.5 }, '/from'],
  ['null for from', 'rollBack', { from: null }, '/from'],
  ['to -1', 'rollBack', { to: -1 }, '/to'],
  ['text for to', 'rollBack', { to: '1' }, '/to'],
  ['a list of reasons', 'rollBack', { reason: ['drift'] }, '/reason'],
  ['a number for a sunset', 'deprecate', { sunset: 20270331 }, '/sunset'],
  ['successor 1.5', 'deprecate', { successor: 1.5 }, '/successor'],
];

type Raw = readonly [what: string, verb: Verb, body: string, pointer: string];
const TEXTS: Raw[] = [
  ['__proto__', 'register', '{"__proto__":{"a":1}}', '/__proto__'],
  [
    '__proto__ in the manifest',
    'register',
    '{"changelog":"x","manifest":{"__proto__":{}}}',
    '/manifest/__proto__',
  ],
  ['__proto__ as a metric', 'evaluate', '{"metrics":{"__proto__":1}}', '/metrics/__proto__'],
  ['a key twice', 'promote', '{"note":"a","note":"b"}', '/note'],
  ['a metric twice', 'evaluate', '{"metrics":{"f1":1,"f1":2}}', '/metrics/f1'],
  ['NUL in a name', 'evaluate', '{"metrics":{"f\\u0000":1}}', '/metrics/f\0'],
  ['a lone surrogate', 'approve', '{"decision":"approve","comment":"\\udc00"}', '/comment'],
  ['NaN', 'evaluate', '{"metrics":{"f1":NaN}}', '/metrics/f1'],
  ['1e999', 'evaluate', '{"metrics":{"f1":1e999}}', '/metrics/f1'],
  ['more digits than are kept', 'evaluate', '{"metrics":{"f1":0.12345678901234567890}}', '/metrics/f1'],
  ['depth 17', 'promote', `{"note":${'['.repeat(16)}${']'.repeat(16)}}`, `/note${'/0'.repeat(15)}`],
  ['an array', 'promote', '[]', ''],
  ['nothing', 'promote', '', ''],
];

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
  await new Lives(edge).live('m', 1);
});
afterAll(() => edge.close());

const over = { HTTP: httpDoor, gRPC: grpcDoor };
const changed = (verb: Verb, change: object): Ask => {
  const { body, ...rest } = GOOD[verb];
  // As JSON, so that what is undefined is absent.
  return {
    model: 'm',
    verb,
    ...rest,
    body: JSON.parse(JSON.stringify({ ...body, ...change })) as object as Ask['body'],
  };
};

function pointersOf({ errors }: Told): string[] {
  return [...new Set(errors!.map(({ pointer }) => pointer))].sort();
}

function expectInvalid({ code, status, errors }: Told, expected: number, pointer: string): void {
  expect({ code, status }).toEqual({ code: 'invalid', status: expected });
  expect(errors).toContainEqual({ pointer, message: SOME_TEXT });
  for (const { message } of errors!) expect(message).toMatch(/\S/);
}

describe('what is not right in a body is pointed at, and nothing is recorded', () => {
  let head: string;
  beforeAll(async () => {
    await edge.as({ actor: 'ci' });
    head = await edge.head();
  });
  afterAll(async () => expect(await edge.head()).toBe(head));

  describe.each(Object.keys(over) as (keyof typeof over)[])('over %s', (name) => {
    it.each(BOTH)('%s: %s', async (_what, verb, change, pointer) => {
      const told = await over[name](edge).ask(changed(verb, change));
      expectInvalid(told, name === 'HTTP' ? 400 : 3, pointer);
      // What is right beside it is not pointed at.
      expect(pointersOf(told)).toEqual([pointer]);
    });
  });

  it.each(JSON_ONLY)('only HTTP can say: %s: %s', async (_what, verb, change, pointer) => {
    expectInvalid(await httpDoor(edge).ask(changed(verb, change)), 400, pointer);
  });

  it.each(TEXTS)('only text can say: %s: %s', async (_what, verb, body, pointer) => {
    expectInvalid(await httpDoor(edge).ask({ ...changed(verb, {}), body }), 400, pointer);
  });

  it.each([
    ['NaN', { f1: NaN }, '/metrics/f1'],
    ['infinity', { f1: -Infinity }, '/metrics/f1'],
  ])('only gRPC can say: a metric that is %s', async (_what, metrics, pointer) => {
    expectInvalid(
      await grpcDoor(edge).ask({ ...changed('evaluate', {}), body: run(1, { metrics }) }),
      3,
      pointer,
    );
  });

  it('only gRPC can say: a bound that is NaN', async () => {
    const ask = { ...changed('evaluate', {}), body: run(1, bound({ min: NaN })) };
    expectInvalid(await grpcDoor(edge).ask(ask), 3, '/thresholds/f1/min');
  });

  it('all that is wrong is said at once, alike on both doors', async () => {
    const change = { suite: '', dataset: {}, metrics: {}, report: { digest: 'x' } };
    const [http, grpc] = await Promise.all(
      [httpDoor, grpcDoor].map((door) => door(edge).ask(changed('evaluate', change))),
    );
    expect(pointersOf(http!)).toEqual(['/dataset/name', '/report/digest', '/report/uri', '/suite']);
    expect(grpc!.errors).toEqual(http!.errors);
  });
});

describe('the answer to what is wrong stays small, however much is wrong', () => {
  const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [` ${n}`, n]));

  it.each(Object.keys(over) as (keyof typeof over)[])('500 wrong names over %s', async (name) => {
    const { code, errors, detail } = await over[name](edge).ask(changed('evaluate', { metrics: names(500) }));
    expect(code).toBe('invalid');
    expect(errors!.length).toBeLessThanOrEqual(100);
    expect(errors![0]!.pointer).toBe('/metrics/ 0');
    expect(detail).toContain('(and 499 more)');
  });

  it.each(Object.keys(over) as (keyof typeof over)[])('a name of 100,000 over %s', async (name) => {
    const metrics = { ['x'.repeat(100_000)]: 1 };
    const told = await over[name](edge).ask(changed('evaluate', { metrics }));
    expect(told.code).toBe('invalid');
    expect(told.errors!.map(({ pointer }) => pointer)).toEqual(['/metrics']);
    expect(JSON.stringify(told).length).toBeLessThan(2_000);
  });

  it('an unknown field with a name of 100,000', async () => {
    const { status, text } = await edge.post('/v1/models/m/versions/1/promotion', {
      ['x'.repeat(100_000)]: 1,
    });
    expect([status, text.length < 2_000]).toEqual([400, true]);
  });

  it('5,000 wrong members', async () => {
    const artifacts = Array.from({ length: 5_000 }, () => ({}));
    const { status, text } = await edge.post('/v1/models/m/versions', {
      changelog: 'x',
      manifest: { artifacts },
    });
    expect([status, text.length < 32_000]).toEqual([400, true]);
  });
});

describe('a path that names no version', () => {
  it.each([
    'latest',
    '0',
    '1.5',
    '0x10',
    '01',
    '1e0',
    '-1',
    '+1',
    ' 1',
    '9007199254740992',
    '9'.repeat(40),
    'a'.repeat(64),
  ])('/versions/%s/… is refused', async (version) => {
    for (const verb of ['evaluate', 'approve', 'promote', 'deprecate'] as const)
      expectInvalid(
        await httpDoor(edge).ask({ ...changed(verb, {}), version: encodeURIComponent(version) }),
        400,
        '/n',
      );
  });

  it.each(['A', '.m', 'm m', 'a'.repeat(129), 'm%00'])('nor does %s name a model', async (model) => {
    for (const verb of Object.keys(GOOD) as Verb[]) {
      const http = await httpDoor(edge).ask({ ...changed(verb, {}), model: encodeURIComponent(model) });
      expectInvalid(http, 400, '/model');
      expectInvalid(await grpcDoor(edge).ask({ ...changed(verb, {}), model }), 3, '/model');
    }
  });

  it.each([0, undefined])('nor does %s in a message', async (version) => {
    for (const verb of ['evaluate', 'approve', 'promote', 'deprecate'] as const)
      expectInvalid(await grpcDoor(edge).ask({ ...changed(verb, {}), version }), 3, '/version');
  });
});

describe('what is at the edge of right is taken, alike', () => {
  it.each<[string, Verb, object]>([
    [
      'every name at its longest',
      'register',
      { label: 'L'.repeat(64), author: 'a'.repeat(128), changelog: 'x'.repeat(10_000) },
    ],
    [
      'null where it may be absent',
      'register',
      { label: null, author: null, manifest: { config: 2, run: null, parent: null } },
    ],
    ['depth 16', 'register', { manifest: { config: nested(14) } }],
    [
      '1,000 metrics',
      'evaluate',
      { metrics: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`a/b@%-._${n}`, n])) },
    ],
    [
      'every member at once',
      'evaluate',
      {
        dataset: { name: 'd', digest: D, size: 0 },
        report: { uri: 'u', digest: D },
        thresholds: { f1: { min: 0, max: 1, maxRegression: 0, better: 'higher' } },
      },
    ],
    [
      'null where it may be absent',
      'evaluate',
      { dataset: { name: 'd', digest: null }, report: null, thresholds: { f1: { min: 0, max: null } } },
    ],
    ['no bound at all', 'evaluate', { thresholds: {} }],
    ['a metric named prototype', 'evaluate', { metrics: { f1: 1, prototype: 2 } }],
    ['min and max the same', 'evaluate', { thresholds: { f1: { min: 1, max: 1 } } }],
    ['a number below 0, and 0 itself', 'evaluate', { metrics: { a: -1.5, b: 0 } }],
  ])('%s: %s', async (_what, verb, change) => {
    const recorded = [];
    for (const [name, door] of Object.entries(over)) {
      const model = `edge-${name.toLowerCase()}`;
      await httpDoor(edge).ask({ ...changed('register', { manifest: { config: 0 }, label: null }), model });
      const told = await door(edge).ask({ ...changed(verb, change), model });
      expect({ code: told.code, errors: told.errors }).toEqual({ code: 'ok' });
      const { evaluated: _, ...data } = told.event!['data'] as Record<string, unknown>;
      expect(data).toMatchObject(withoutNull(change));
      recorded.push(data);
    }
    expect(recorded[1]).toEqual(recorded[0]);
  });
});
