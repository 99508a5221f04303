import { parseMetricCondition, type MetricCondition } from './metric-condition';
import { Harness } from './testing/harness';
import { approve, evaluate, PEOPLE, register } from './testing/lives';
import type { VersionFilter } from './versions';

const [ROSA, BOB] = PEOPLE;
let harness: Harness;
beforeEach(() => (harness = new Harness()));
afterEach(() => harness.close());

const list = async (filter: VersionFilter = {}, page: { after?: number; limit: number } = { limit: 50 }) => {
  const answer = await harness.views.versions.list('acme', 'fraud', filter, page);
  return answer && { numbers: answer.items.map(({ version }) => version), next: answer.next };
};

test('a version has every member of the public resource', async () => {
  const { lives, views } = harness;
  await lives.issue('acme', 'fraud', register('one', '1.0.0'));
  await lives.issue('acme', 'fraud', evaluate(1, 90));
  await lives.issue('acme', 'fraud', approve(1), ROSA);
  await lives.issue('acme', 'fraud', { verb: 'promote', data: { version: 1 } }, BOB);
  await lives.issue('acme', 'fraud', register('two'));
  await lives.issue('acme', 'fraud', evaluate(2, 92));
  await lives.issue('acme', 'fraud', evaluate(2, 93, 'a-stress'));
  await harness.catchUp();
  const two = views.versions.find('acme', 'fraud', 2)!;
  expect(two).toEqual({
    model: 'fraud',
    version: 2,
    digest: harness.lives.states.get('model-acme.fraud')!.versions[1]!.digest,
    label: null,
    stage: 'STAGING',
    evaluated: harness.lives.states.get('model-acme.fraud')!.versions[1]!.evaluated,
    changelog: 'Trained with two',
    author: 'dana',
    manifest: { config: { seed: 'two' } },
    registeredAt: '2026-03-01T00:00:05.000Z',
    registeredBy: { id: 'ci', kind: 'service' },
    evaluations: [
      expect.objectContaining({ suite: 'a-stress', baseline: null, deltas: {} }),
      {
        suite: 'holdout',
        at: '2026-03-01T00:00:06.000Z',
        by: { id: 'ci', kind: 'service' },
        dataset: { name: 'holdout', size: 12_000 },
        metrics: { f1: 0.92, '9lives': 92 },
        report: null,
        baseline: { version: 1 },
        deltas: { f1: { live: 0.9, delta: 0.02 }, '9lives': { live: 90, delta: 2 } },
        gate: [expect.objectContaining({ metric: 'f1', required: 0.85, observed: 0.92, verdict: 'pass' })],
        passed: true,
      },
    ],
    evaluationCount: 2,
    approvals: [],
    promotion: null,
    rolledBack: null,
    deprecation: null,
    position: '7',
  });
  expect(views.versions.find('acme', 'fraud', two.digest)).toEqual(two);
  expect(views.versions.find('acme', 'fraud', 1)).toMatchObject({
    label: '1.0.0',
    stage: 'PROD',
    approvals: [
      {
        decision: 'approve',
        at: '2026-03-01T00:00:03.000Z',
        by: { id: 'rosa', kind: 'user' },
        comment: 'as seen',
        void: null,
      },
    ],
    promotion: {
      at: '2026-03-01T00:00:04.000Z',
      by: { id: 'bob', kind: 'user' },
      note: null,
      evidence: { registered: '0' },
    },
  });
  expect(Object.keys(views.versions.find('acme', 'fraud', 1)!.approvals[0]!)).not.toContain('evaluated');
});

test('a version that is not there is null, however it is named', async () => {
  await harness.lives.issue('acme', 'fraud', register('one'));
  await harness.catchUp();
  for (const ref of [0, 2, -1, 1.5, Number.NaN, 2 ** 26 + 1, 'sha256:00'])
    expect(harness.views.versions.find('acme', 'fraud', ref)).toBeNull();
  expect(harness.views.versions.find('acme', 'nobody', 1)).toBeNull();
});

test('a deprecation says when, by whom, the sunset and the successor', async () => {
  const { lives, views } = harness;
  await lives.issue('acme', 'fraud', register('one'));
  await lives.issue('acme', 'fraud', { verb: 'deprecate', data: { version: 1, sunset: '2027-01-31' } }, BOB);
  await harness.catchUp();
  expect(views.versions.find('acme', 'fraud', 1)).toMatchObject({
    stage: 'DEPRECATED',
    deprecation: {
      at: '2026-03-01T00:00:02.000Z',
      by: { id: 'bob', kind: 'user' },
      sunset: '2027-01-31',
      successor: null,
    },
  });
});

test('lists are newest first, in pages, without manifest and evidence', async () => {
  for (let n = 1; n <= 5; n++) await harness.lives.issue('acme', 'fraud', register(`v${n}`));
  await harness.catchUp();
  expect(await list({}, { limit: 2 })).toEqual({ numbers: [5, 4], next: 4 });
  expect(await list({}, { after: 4, limit: 2 })).toEqual({ numbers: [3, 2], next: 2 });
  expect(await list({}, { after: 2, limit: 2 })).toEqual({ numbers: [1], next: null });
  expect(await list({}, { limit: 5 })).toEqual({ numbers: [5, 4, 3, 2, 1], next: null });
  const [item] = (await harness.views.versions.list('acme', 'fraud', {}, { limit: 1 }))!.items;
  expect(item).not.toHaveProperty('manifest');
  expect(await harness.views.versions.list('acme', 'nobody', {}, { limit: 1 })).toBeNull();
});

test('filters narrow by stage, label, registrar, text and metric; all of them must hold', async () => {
  const { lives } = harness;
  for (let n = 1; n <= 4; n++)
    await lives.issue('acme', 'fraud', register(`Corpus ${n}`, `1.${n}.0`), n === 4 ? BOB : undefined);
  await lives.issue('acme', 'fraud', evaluate(1, 80));
  await lives.issue('acme', 'fraud', evaluate(2, 88));
  await lives.issue('acme', 'fraud', evaluate(3, 95));
  await lives.issue('acme', 'fraud', evaluate(3, 70, 'stress'));
  await harness.catchUp();
  const metric = (...texts: string[]): MetricCondition[] => texts.map((text) => parseMetricCondition(text)!);
  expect((await list({ stage: 'STAGING' }))!.numbers).toEqual([3, 2]);
  expect((await list({ label: '1.4.0' }))!.numbers).toEqual([4]);
  expect((await list({ label: '1.4' }))!.numbers).toEqual([]);
  expect((await list({ by: 'bob' }))!.numbers).toEqual([4]);
  expect((await list({ q: 'cORPUS 2' }))!.numbers).toEqual([2]);
  expect((await list({ q: '.3.' }))!.numbers).toEqual([3]);
  expect((await list({ metric: metric('f1>=0.88') }))!.numbers).toEqual([3, 2]);
  expect((await list({ metric: metric('f1>0.88') }))!.numbers).toEqual([3]);
  expect((await list({ metric: metric('f1=0.8') }))!.numbers).toEqual([1]);
  expect((await list({ metric: metric('f1>=0.9', 'f1<=0.7') }))!.numbers).toEqual([3]);
  expect((await list({ metric: metric('f1>0.1', '9lives<90') }))!.numbers).toEqual([3, 2, 1]);
  expect((await list({ metric: metric('unknown>0') }))!.numbers).toEqual([]);
  expect((await list({ metric: metric('constructor>0') }))!.numbers).toEqual([]);
  expect((await list({ stage: 'STAGING', q: 'corpus 2', metric: metric('f1>=0.88') }))!.numbers).toEqual([2]);
});

test('a search that matches little looks at everything, and leaves others their turn', async () => {
  const { lives } = harness;
  for (let n = 1; n <= 1_500; n++)
    await lives.issue('acme', 'fraud', register(`v${n}`, n % 500 === 7 ? 'x7' + n : undefined));
  await harness.catchUp();
  expect(await list({ q: 'X7' }, { limit: 2 })).toEqual({ numbers: [1_007, 507], next: 507 });
  expect(await list({ q: 'x7' }, { limit: 2, after: 507 })).toEqual({ numbers: [7], next: null });
});

test('metric conditions are read, and what is none is null', () => {
  expect(parseMetricCondition('f1>=0.9')).toEqual({ metric: 'f1', op: '>=', value: 0.9 });
  expect(parseMetricCondition(' tag/acc@5 < -1.5e-3 ')).toEqual({
    metric: 'tag/acc@5',
    op: '<',
    value: -0.0015,
  });
  for (const text of [
    '',
    'f1',
    'f1>=',
    '>=1',
    'f1==1',
    'f1>=1e999',
    'f1>=0x10',
    'f1>=NaN',
    '-f1>1',
    'f1>1>2',
  ])
    expect(parseMetricCondition(text)).toBeNull();
});

test('models are listed by name, with how many versions they have and what is live', async () => {
  const { lives, views } = harness;
  for (const model of ['b', 'a', 'fraud-2', 'fraud']) await lives.issue('acme', model, register('one'));
  await lives.issue('acme', 'fraud', register('two'));
  await lives.issue('acme', 'fraud', evaluate(2, 90));
  await lives.issue('acme', 'fraud', approve(2), ROSA);
  await lives.issue('acme', 'fraud', { verb: 'promote', data: { version: 2 } }, BOB);
  await harness.catchUp();
  const first = await views.models.list('acme', { limit: 3 });
  const { digest } = views.versions.find('acme', 'fraud', 2)!;
  expect(first).toEqual({
    items: [
      { model: 'a', versions: 1, current: null },
      { model: 'b', versions: 1, current: null },
      { model: 'fraud', versions: 2, current: { version: 2, digest, label: null } },
    ],
    next: 'fraud',
  });
  expect(await views.models.list('acme', { limit: 3, after: 'fraud' })).toMatchObject({
    items: [{ model: 'fraud-2' }],
    next: null,
  });
  expect((await views.models.list('acme', { limit: 3, q: 'UD-' })).items).toMatchObject([
    { model: 'fraud-2' },
  ]);
  expect([views.models.has('acme', 'fraud'), views.models.has('acme', 'frau')]).toEqual([true, false]);
});

test('of models only those are looked at whose names begin as the reader may see', async () => {
  const { lives, views } = harness;
  const names = ['a', 'a-1', 'a-2', 'a.x', 'b', 'zz', 'zz-1', 'zz-2', 'zz-3', 'zzz'];
  for (const model of names) await lives.issue('acme', model, register('one'));
  await harness.catchUp();
  const looked: string[] = [];
  const sees = (model: string) => looked.push(model) > 0 && model !== 'zz-2';
  const pages: string[][] = [];
  for (let after: string | undefined; ;) {
    const page = { limit: 2, within: ['a-', 'zz-'], sees, ...(after !== undefined && { after }) };
    const { items, next } = await views.models.list('acme', page);
    pages.push(items.map(({ model }) => model));
    if (next === null) break;
    after = next;
  }
  expect(pages).toEqual([
    ['a-1', 'a-2'],
    ['zz-1', 'zz-3'],
  ]);
  expect([...new Set(looked)]).toEqual(['a-1', 'a-2', 'zz-1', 'zz-2', 'zz-3']);
  expect(await views.models.list('acme', { limit: 2, within: [] })).toEqual({ items: [], next: null });
});
