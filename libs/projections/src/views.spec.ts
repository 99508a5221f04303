import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, Undecodable, type Version } from '@gatehouse/domain';
import { follow, type Recorded } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import type { VersionResource } from './resources';
import { openWriter, prepareDatabase } from './database';
import { rebuild } from './rebuild';
import { dump, Harness } from './testing/harness';
import { approve, evaluate, PEOPLE, randomCommand, randomFrom, register } from './testing/lives';
import { Views } from './views';

const SEQUENCES = 15;
const MODELS = [
  ['acme', 'fraud'],
  ['acme', 'fraud.two'],
  ['acme-two', 'fraud'],
] as const;

let harness: Harness;
beforeEach(() => (harness = new Harness()));
afterEach(() => harness.close());

async function live(next: (n: number) => number, commands: number): Promise<void> {
  for (let i = 0; i < commands; i++) {
    const [tenant, model] = MODELS[next(MODELS.length)]!;
    const versions = harness.lives.states.get(`model-${tenant}.${model}`)?.versions.length ?? 0;
    const { command, actor } = randomCommand(next, versions);
    await harness.lives.issue(tenant, model, command, actor);
  }
}

type Table = Map<string, { suite: string; metrics: unknown; passed: boolean }>;

/** The latest evaluation of each suite, by stream and version, as the log has it: the domain forgets those of deprecated versions. */
async function tablesOf(store: MemoryEventStore): Promise<(stream: string, version: number) => Table> {
  const tables = new Map<string, Table>();
  const { signal } = new AbortController();
  for await (const event of store.readAll(0n, { follow: false, signal })) {
    const { type, data } = decode(event);
    if (type !== 'model.Evaluated') continue;
    const key = `${event.stream} ${data.version}`;
    const table = tables.get(key) ?? (new Map() as Table);
    const { suite, metrics, passed } = data;
    tables.set(key, table.set(suite, { suite, metrics, passed }));
  }
  return (stream, version) => tables.get(`${stream} ${version}`) ?? new Map();
}

function onTable({ table }: Version): Table {
  return new Map([...table].map(([suite, { metrics, passed }]) => [suite, { suite, metrics, passed }]));
}

/** What of a version the log, the domain and the view all know. */
function known(version: Version, table: Table) {
  return {
    digest: version.digest,
    label: version.label,
    stage: version.stage,
    evaluated: version.evaluated,
    author: version.author,
    evaluations: [...table.values()].sort(bySuite),
    decisions: [...version.decisions]
      .map(([id, { decision, void: gone }]) => ({ id, decision, void: gone }))
      .sort(byId),
    rolledBack: version.left,
    deprecation: version.deprecation,
  };
}

function shown(version: VersionResource): ReturnType<typeof known> {
  return {
    digest: version.digest,
    label: version.label,
    stage: version.stage,
    evaluated: version.evaluated,
    author: version.author,
    evaluations: version.evaluations.map(({ suite, metrics, passed }) => ({ suite, metrics, passed })),
    decisions: version.approvals
      .map(({ by, decision, void: gone }) => ({ id: by.id, decision, void: gone }))
      .sort(byId),
    rolledBack: version.rolledBack !== null,
    deprecation: version.deprecation && {
      sunset: version.deprecation.sunset,
      successor: version.deprecation.successor,
    },
  };
}

const bySuite = (a: { suite: string }, b: { suite: string }) => (a.suite < b.suite ? -1 : 1);
const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

test('views are what the domain makes of the same log, and a rebuild equals them byte for byte', async () => {
  for (let seed = 1; seed <= SEQUENCES; seed++) {
    const next = randomFrom(seed);
    for (let part = 0; part < 3; part++) {
      await live(next, 40);
      // Views that were closed and opened again go on from their rows, not from what was in memory.
      const again = Views.open(harness.file);
      await harness.catchUp(again, 1 + next(7));
      await again.close();
    }
    const tableOf = await tablesOf(harness.store);
    for (const [tenant, model] of MODELS) {
      const stream = `model-${tenant}.${model}`;
      const state = harness.lives.states.get(stream);
      if (!state) continue;
      for (const version of state.versions) {
        const table = tableOf(stream, version.version);
        const shownVersion = harness.views.versions.find(tenant, model, version.version)!;
        expect(shown(shownVersion)).toEqual(known(version, table));
        if (version.stage !== 'DEPRECATED') expect(onTable(version)).toEqual(table);
      }
      const { revision, stack } = state.pointer;
      const answer = harness.views.live.find(tenant, model)!;
      expect([answer.revision, answer.current?.version]).toEqual([revision, stack.at(-1)]);
    }
    const file = join(harness.folder, 'rebuilt.db');
    await rebuild(harness.store, file);
    expect(dump(file)).toEqual(dump(harness.file));
    await harness.close();
    harness = new Harness();
  }
}, 120_000);

test('what a tenant has is counted for that tenant alone, and is the same however the events were batched', async () => {
  await live(randomFrom(11), 300);
  await harness.catchUp(harness.views, 7);
  expect(harness.views.usage.of('acme-three')).toEqual({ models: 0, versions: 0, bytes: 0 });
  for (const tenant of ['acme', 'acme-two']) {
    const states = MODELS.filter(([of]) => of === tenant).map(([of, model]) =>
      harness.lives.states.get(`model-${of}.${model}`),
    );
    const versions = states.map((state) => state?.versions.length ?? 0);
    const { bytes, ...counted } = harness.views.usage.of(tenant);
    expect(counted).toEqual({
      models: versions.filter((count) => count > 0).length,
      versions: versions.reduce((sum, count) => sum + count, 0),
    });
    expect(bytes).toBeGreaterThan(1_000);
  }
  const file = join(harness.folder, 'batched.db');
  await rebuild(harness.store, file);
  expect(dump(file)['usage']).toEqual(dump(harness.file)['usage']);
});

test('the same events twice are the same as once', async () => {
  await live(randomFrom(7), 200);
  await harness.catchUp();
  const once = dump(harness.file);
  await harness.views.reset();
  await harness.catchUp();
  expect(dump(harness.file)).toEqual(once);
});

test('an event that cannot be decoded stops the views there: what came before it is seen, nothing after it', async () => {
  const { lives, store, views } = harness;
  await lives.issue('acme', 'fraud', register('one'));
  await store.append('model-acme.odd', -1n, [
    { id: '00000000-0000-5000-8000-000000000000', type: 'model.Renamed', data: {}, meta: { schema: 1 } },
  ]);
  await lives.issue('acme', 'fraud', register('two'));
  const errors: [Error, boolean][] = [];
  const following = follow(store, views, {
    signal: new AbortController().signal,
    onError: (error, willRetry) => errors.push([error, willRetry]),
  });
  await following.done;
  expect(errors).toEqual([[expect.any(Undecodable), false]]);
  expect(following.status()).toMatchObject({
    state: 'stopped',
    error: expect.stringContaining('model.Renamed') as string,
  });
  expect(views.versions.find('acme', 'fraud', 1)).not.toBeNull();
  expect(views.versions.find('acme', 'fraud', 2)).toBeNull();
  expect((await views.checkpoint())!.position).toBe(1n);
});

test('views of another log, or of a newer copy of this one, are built anew', async () => {
  await live(randomFrom(3), 50);
  await harness.catchUp();
  const older = new MemoryEventStore();
  const kept: Recorded[] = [];
  for await (const event of harness.store.readAll(0n, {
    follow: false,
    signal: new AbortController().signal,
  }))
    if (kept.length < 10) kept.push(event);
  for (const event of kept) await older.append(event.stream, event.revision - 1n, [event]);
  const stop = new AbortController();
  const following = follow(older, harness.views, { signal: stop.signal });
  await following.reached(10n, 5_000);
  stop.abort();
  await following.done;
  const file = join(harness.folder, 'rebuilt.db');
  await rebuild(older, file);
  expect(dump(harness.file)).toEqual(dump(file));
});

test('rows and checkpoint are one transaction: a failure between them leaves neither', async () => {
  await harness.lives.issue('acme', 'fraud', register('one'));
  await harness.catchUp();
  const before = dump(harness.file);
  await harness.lives.issue('acme', 'fraud', register('two'));
  const events: Recorded[] = [];
  for await (const event of harness.store.read('model-acme.fraud', 1n)) events.push(event);
  const [{ position, stream, revision }] = events as [Recorded];
  // A checkpoint that the table refuses, after the rows were written.
  const broken = { logId: 'log', position, stream, revision, id: null as unknown as string };
  await harness.views.handle(events, broken);
  await expect(harness.views.settle()).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_NOTNULL' });
  expect(dump(harness.file)).toEqual(before);
});

test.each([
  ['is no database', (file: string) => writeFileSync(file, randomBytes(50_000))],
  [
    'has damaged pages',
    (file: string) => {
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0xa5, 8_192));
    },
  ],
])('a file that %s is made anew from the log, and that is told', async (_what, damage) => {
  await harness.lives.issue('acme', 'fraud', register('one'));
  await harness.catchUp();
  const file = join(harness.folder, 'damaged.db');
  prepareDatabase(file);
  damage(file);
  const told: Error[] = [];
  const views = Views.open(file, (error) => told.push(error));
  expect(told).toHaveLength(1);
  await harness.catchUp(views);
  await views.close();
  expect(dump(file)).toEqual(dump(harness.file));
});

test('views of another schema version are made anew', async () => {
  await live(randomFrom(5), 30);
  await harness.catchUp();
  const file = join(harness.folder, 'old.db');
  prepareDatabase(file);
  const old = openWriter(file);
  old.exec('DROP TABLE versions; CREATE TABLE versions (x); PRAGMA user_version = 99');
  old.close();
  const views = Views.open(file);
  await harness.catchUp(views);
  await views.close();
  expect(dump(file)).toEqual(dump(harness.file));
});

test('a version left by a rollback is back in STAGING, its approvals void, and a promotion clears that', async () => {
  const { lives, views } = harness;
  const [rosa, bob] = PEOPLE;
  for (const version of [1, 2]) {
    await lives.issue('acme', 'fraud', register(`v${version}`));
    await lives.issue('acme', 'fraud', evaluate(version, 95));
    await lives.issue('acme', 'fraud', approve(version), rosa);
    await lives.issue('acme', 'fraud', { verb: 'promote', data: { version, note: 'go' } }, bob);
  }
  await lives.issue('acme', 'fraud', { verb: 'rollBack', data: { from: 2, reason: 'drift' } }, bob);
  await harness.catchUp();
  expect(views.versions.find('acme', 'fraud', 2)).toMatchObject({
    stage: 'STAGING',
    approvals: [{ by: { id: 'rosa' }, void: 'rolled-back' }],
    rolledBack: { at: '2026-03-01T00:00:09.000Z', by: { id: 'bob', kind: 'user' }, reason: 'drift' },
    promotion: { note: 'go', evidence: { approvals: ['6'] } },
    position: '9',
  });
  expect(views.versions.find('acme', 'fraud', 1)).toMatchObject({
    stage: 'PROD',
    rolledBack: null,
    position: '4',
  });
  await lives.issue('acme', 'fraud', approve(2), rosa);
  await lives.issue('acme', 'fraud', { verb: 'promote', data: { version: 2 } }, bob);
  await harness.catchUp();
  expect(views.versions.find('acme', 'fraud', 2)).toMatchObject({
    stage: 'PROD',
    rolledBack: null,
    approvals: [{ void: null }],
    promotion: { note: null },
  });
});
