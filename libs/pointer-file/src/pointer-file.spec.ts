import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { follow, type NewEvent } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { PointerFile } from './pointer-file';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'gatehouse-pointer-'))));
afterEach(() => rm(folder, { recursive: true }));

let count = 0;
function event(type: string, tenant = 'acme', model = 'fraud'): NewEvent {
  const id = `00000000-0000-5000-8000-${String(++count).padStart(12, '0')}`;
  return {
    id,
    type,
    data: { version: 1 },
    meta: { id, tenant, model, schema: 1, time: '2026-03-01T00:00:00.000Z' },
  };
}

/** Says how many events of the log a text was made from: the newest there are. */
function keeperOf(store: MemoryEventStore, asked: bigint[] = []): PointerFile {
  return new PointerFile({
    folder,
    head: async () => (await store.log()).head,
    render: async (tenant, model, atLeast) => {
      asked.push(atLeast);
      return JSON.stringify({ tenant, model, events: String((await store.log()).head) });
    },
  });
}

async function followToEnd(store: MemoryEventStore, keeper: PointerFile): Promise<Error | undefined> {
  const stop = new AbortController();
  let failed: Error | undefined;
  const following = follow(store, keeper, { signal: stop.signal, onError: (error) => (failed = error) });
  await following.reached((await store.log()).head, 10_000);
  stop.abort();
  await following.done;
  return failed;
}

const read = async (tenant = 'acme', model = 'fraud') =>
  JSON.parse(await readFile(join(folder, tenant, model, 'active_version.json'), 'utf8')) as {
    events: string;
  };

test('there is a file for every model, each in the folder of its tenant', async () => {
  const store = new MemoryEventStore();
  await store.append('model-acme.fraud', -1n, [event('model.Registered')]);
  await store.append('model-b.a..b', -1n, [event('model.Registered', 'b', 'a..b')]);
  await followToEnd(store, keeperOf(store));
  expect(await read()).toEqual({ tenant: 'acme', model: 'fraud', events: '2' });
  expect(await read('b', 'a..b')).toMatchObject({ model: 'a..b' });
});

test('after a restart it catches up with the log, once per model, from nothing older than the log is now', async () => {
  const store = new MemoryEventStore();
  await store.append('model-acme.fraud', -1n, [event('model.Registered'), event('model.Promoted')]);
  await followToEnd(store, keeperOf(store));
  await store.append('model-acme.fraud', 1n, [
    event('model.RolledBack'),
    event('model.Evaluated'),
    event('model.Promoted'),
  ]);
  const asked: bigint[] = [];
  await followToEnd(store, keeperOf(store, asked));
  expect(await read()).toMatchObject({ events: '5' });
  expect(asked).toEqual([5n]);
});

test('events that do not move the pointer write no file', async () => {
  const store = new MemoryEventStore();
  await store.append('model-acme.fraud', -1n, [event('model.Evaluated'), event('model.Approved')]);
  await followToEnd(store, keeperOf(store));
  await expect(read()).rejects.toThrow('ENOENT');
});

test('files of another log are written again', async () => {
  const first = new MemoryEventStore();
  await first.append('model-acme.fraud', -1n, [
    event('model.Registered'),
    event('model.Promoted'),
    event('model.RolledBack'),
  ]);
  await followToEnd(first, keeperOf(first));
  const restored = new MemoryEventStore();
  await restored.append('model-acme.fraud', -1n, [event('model.Registered')]);
  await followToEnd(restored, keeperOf(restored));
  expect(await read()).toMatchObject({ events: '1' });
});

test.each([
  ['..', 'fraud'],
  ['acme', '..'],
  ['acme', '.hidden'],
  ['acme', 'a/../../b'],
  ['', 'fraud'],
])(
  'a name that could lead out of the folder (%s/%s) stops it, and nothing is written',
  async (tenant, model) => {
    const store = new MemoryEventStore();
    await store.append('model-odd', -1n, [event('model.Registered', tenant, model)]);
    const failed = await followToEnd(store, keeperOf(store));
    expect(failed?.message).toContain('not a name');
    expect(await readdir(folder)).toEqual([]);
  },
);

test('what a killed process left half done is removed at the start', async () => {
  await mkdir(join(folder, 'acme', 'fraud'), { recursive: true });
  await writeFile(join(folder, 'acme', 'fraud', 'active_version.json.tmp'), '{"mod');
  await writeFile(join(folder, '.checkpoint.json.tmp'), '{');
  await writeFile(join(folder, 'acme', 'mine.txt'), 'mine');
  await keeperOf(new MemoryEventStore()).checkpoint();
  expect(await readdir(join(folder, 'acme', 'fraud'))).toEqual([]);
  expect(await readdir(folder)).toEqual(['acme']);
  expect(await readdir(join(folder, 'acme'))).toEqual(['fraud', 'mine.txt']);
});

test('a folder that is taken away while it runs is made again, with every file', async () => {
  const store = new MemoryEventStore();
  await store.append('model-acme.fraud', -1n, [event('model.Registered')]);
  await store.append('model-acme.other', -1n, [event('model.Registered', 'acme', 'other')]);
  const stop = new AbortController();
  const following = follow(store, keeperOf(store), {
    signal: stop.signal,
    retryMs: { first: 1, longest: 5 },
  });
  await following.reached(2n, 10_000);
  await rm(folder, { recursive: true });
  // One that moves no pointer: only the checkpoint is written.
  await store.append('model-acme.fraud', 0n, [event('model.Evaluated')]);
  await following.reached(3n, 10_000);
  expect(await read()).toMatchObject({ model: 'fraud' });
  expect(await read('acme', 'other')).toMatchObject({ model: 'other' });
  expect(following.status().error).toBeUndefined();
  stop.abort();
  await following.done;
});

test.each([
  ['the folder', 'a file', '', (path: string) => writeFile(path, '')],
  ['the folder of a model', 'a file', 'acme/fraud', (path: string) => writeFile(path, '')],
  ['the file of a model', 'a folder', 'acme/fraud/active_version.json', (path: string) => mkdir(path)],
  ['the checkpoint', 'a folder', '.checkpoint.json', (path: string) => mkdir(path)],
])('what is in the place of %s (%s) may be taken away while it runs', async (_what, _other, path, put) => {
  const store = new MemoryEventStore();
  await store.append('model-acme.fraud', -1n, [event('model.Registered')]);
  const stop = new AbortController();
  const following = follow(store, keeperOf(store), {
    signal: stop.signal,
    retryMs: { first: 1, longest: 5 },
  });
  await following.reached(1n, 10_000);
  const inTheWay = join(folder, path);
  await rm(inTheWay, { recursive: true });
  await put(inTheWay);
  await store.append('model-acme.fraud', 0n, [event('model.Promoted')]);
  for (let tries = 0; following.status().error === undefined && tries < 400; tries++) await sleep(5);
  expect(following.status()).toMatchObject({ error: expect.any(String) as string });
  expect(following.status().state).not.toBe('stopped');
  await rm(inTheWay, { recursive: true });
  await following.reached(2n, 10_000);
  expect(await read()).toMatchObject({ events: '2' });
  stop.abort();
  await following.done;
});

test('a checkpoint that cannot be read means: from the beginning', async () => {
  await writeFile(join(folder, '.checkpoint.json'), '{"logId":"x","posi');
  expect(await keeperOf(new MemoryEventStore()).checkpoint()).toBeNull();
});

test('through 30 kills a polling reader finds the file whole, and never an older one', async () => {
  const root = join(__dirname, '../../..');
  const support = [
    '--require',
    join(root, 'test/support/typescript.cjs'),
    '--require',
    'tsconfig-paths/register',
  ];
  let last = 0;
  let reads = 0;
  let polling = true;
  const poll = async () => {
    while (polling) {
      const text = await readFile(join(folder, 'acme', 'fraud', 'active_version.json'), 'utf8').catch(
        () => null,
      );
      if (text === null && last === 0) {
        await sleep(1);
        continue;
      }
      const { revision, text: long } = JSON.parse(text!) as { revision: number; text: string };
      expect(long).toHaveLength(20_000);
      expect(revision).toBeGreaterThanOrEqual(last);
      last = revision;
      reads++;
    }
  };
  const reader = poll();
  for (let kill = 0; kill < 30; kill++) {
    const child = spawn(process.execPath, [...support, join(__dirname, 'testing/keep.ts'), folder], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const before = last;
    // However slow the disk is, each life gets some way.
    for (let tries = 0; last <= before + 1 && tries < 5_000; tries++) await sleep(1);
    await sleep((kill * 7) % 40);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  polling = false;
  await reader;
  expect(reads).toBeGreaterThan(100);
  expect(last).toBeGreaterThan(30);
}, 120_000);
