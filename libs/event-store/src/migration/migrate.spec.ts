import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventStore, NewEvent, Recorded } from '@gatehouse/eventsourcing';
import {
  canonical,
  collect,
  eventOf,
  MemoryEventStore,
  newEvent,
  toHead,
} from '@gatehouse/eventsourcing/testing';
import { EventStoreDbEventStore } from '../eventstoredb/eventstoredb-event-store';
import { type EsdbServer, startEsdbServer } from '../eventstoredb/testing';
import { SqliteEventStore } from '../sqlite/sqlite-event-store';
import { Folders } from '../sqlite/testing/folders';
import { Random } from '../sqlite/testing/random';
import { migrate } from './migrate';
import { MigrationRefused } from './refused';
import { Died, MortalEventStore } from './testing/mortal';
import { SparseEventStore } from './testing/sparse';

jest.setTimeout(120_000);

const SIZE = 400;

/** Those that need no time to run out. */
const QUICK = [
  'unavailable',
  'busy',
  'deadline',
  'reset',
  'lost-answer',
  'deadline-after-commit',
  'reset-after-commit',
  'unavailable-midway',
  'reset-midway',
] as const;

const folders = new Folders();
const opened: { close(): Promise<void> }[] = [];
const sqlite = async () => {
  const store = await SqliteEventStore.open({ file: join(folders.make(), 'events.db') });
  opened.push(store);
  return store;
};
let server: EsdbServer;
/** A log of its own on the server, which has foreign streams on it as well. */
const esdb = async () => {
  const connection = server.connectionString;
  const store = await EventStoreDbEventStore.open({ connection, prefix: `t${randomUUID()}-` });
  opened.push(store);
  return store;
};
let source: SqliteEventStore;
let log: Recorded[];

/** Not only models: who may do what, and which policies are in force, is in the log as well. */
const STREAMS = [
  ...Array.from({ length: 6 }, (_, n) => `model-acme.m${n}`),
  'access-acme',
  'access-other',
  'policy-acme',
  'policy-other',
];

/** So many events in these streams, in runs of one stream and in turns. */
async function write(store: EventStore, count: number, seed = 1): Promise<void> {
  const random = new Random(seed);
  const revisions = new Map<string, bigint>();
  for (let n = 0; n < count;) {
    const stream = random.pick(STREAMS);
    const events = Array.from({ length: Math.min(1 + random.below(6), count - n) }, (_, i) =>
      newEvent({ n: n + i, text: 'ä"\u{1F600}'.repeat(random.below(9)), list: [1.5, null, { b: 1, a: 2 }] }),
    );
    n += events.length;
    revisions.set(stream, (await store.append(stream, revisions.get(stream) ?? -1n, events)).revision);
  }
}

/** What must be the same in both logs, in words of this spec alone. */
const content = (events: readonly Recorded[]) =>
  events.map(({ stream, revision, id, type, data, meta }) =>
    canonical([stream, String(revision), id, type, data, meta]),
  );
const digest = (events: readonly Recorded[]) =>
  `sha256:${createHash('sha256')
    .update(
      content(events)
        .map((line) => `${line}\n`)
        .join(''),
    )
    .digest('hex')}`;

/** How often a copy to it is killed and completed, each time at some random appends. */
const TARGETS: readonly (readonly [string, number, () => Promise<EventStore>])[] = [
  ['a store in memory', 20, async () => new MemoryEventStore({ shared: true })],
  ['a file', 10, sqlite],
  ['a store with gaps between its positions', 20, async () => new SparseEventStore(171n)],
  ['EventStoreDB', 4, esdb],
];

beforeAll(async () => {
  server = await startEsdbServer();
  source = await sqlite();
  await write(source, SIZE);
  log = await toHead(source);
});
afterAll(async () => {
  for (const store of opened) await store.close();
  await server.stop();
  folders.removeAll();
});

describe.each(TARGETS)('to %s', (_, times, open) => {
  it('every event has its id, its place in its stream and its turn in the log, and one digest says so', async () => {
    const target = await open();
    const migrated = await migrate(source, target);
    const there = await toHead(target);
    expect(content(there)).toEqual(content(log));
    expect([...new Set(there.map(({ stream }) => stream))].sort()).toEqual([...STREAMS].sort());
    expect(migrated).toMatchObject({
      found: 0,
      copied: SIZE,
      source: { ...(await source.log()), events: SIZE, streams: 10, digest: digest(log) },
      target: { ...(await target.log()), events: SIZE, streams: 10, digest: digest(log) },
    });
  });

  it('a copy that is complete is verified again, and nothing is written', async () => {
    const target = await open();
    const first = await migrate(source, target);
    const watched = new MortalEventStore(target, () => 'die before');
    expect(await migrate(source, watched)).toEqual({ ...first, found: SIZE, copied: 0 });
    expect(watched.sent).toBe(0);
  });

  it(`killed at any append, ${times} times over, and run again: the same log, the same digests`, async () => {
    const random = new Random(7);
    for (let run = 0; run < times; run++) {
      const target = await open();
      const late: unknown[] = [];
      let killed = 0;
      for (let complete = false; !complete;) {
        const at = 1 + random.below(80);
        const how = random.pick(['die before', 'die after', 'die early'] as const);
        const mortal = new MortalEventStore(target, (append) => (append === at ? how : null));
        try {
          const migrated = await migrate(source, mortal, { batch: 4 });
          expect([migrated.source.digest, migrated.target.digest]).toEqual([digest(log), digest(log)]);
          complete = true;
        } catch (error) {
          if (!(error instanceof Died)) throw error;
          killed++;
          late.push(mortal.late);
        }
      }
      await Promise.all(late);
      expect(killed).toBeGreaterThan(0);
      expect(content(await toHead(target))).toEqual(content(log));
    }
  });

  it('lost requests, lost answers and a store that is away for a moment make no difference', async () => {
    const target = await open();
    const fates = [null, 'lose', 'lose answer', null, 'refuse', 'lose answer'] as const;
    const lossy = new MortalEventStore(target, (append) => fates[append % fates.length]!);
    await migrate(source, lossy, { batch: 5, retryMs: 0.1 });
    expect(content(await toHead(target))).toEqual(content(log));
  });

  it('who stood at any event of the old log finds it in the new one, and after it what came after it', async () => {
    const target = await open();
    await migrate(source, target);
    for (const [n, { stream, revision, id, position }] of log.entries()) {
      if (n % 67 !== 3) continue;
      const [found] = await collect(target.read(stream, revision));
      expect(found!.id).toBe(id);
      expect(content(await toHead(target, found!.position))).toEqual(content(log.slice(n + 1)));
      // An old position, used as it is, gives some events again; it leaves none out.
      const replayed = content(await toHead(target, position));
      expect(replayed.slice(replayed.length - (log.length - n - 1))).toEqual(content(log.slice(n + 1)));
    }
  });
});

describe('a target that is not the beginning of the source', () => {
  const refused = async (target: EventStore, message: RegExp, from: EventStore = source) => {
    const before = content(await toHead(target));
    const attempt = migrate(from, target);
    await expect(attempt).rejects.toThrow(MigrationRefused);
    await expect(attempt).rejects.toThrow(message);
    expect(content(await toHead(target))).toEqual(before);
  };
  const begun = async (count: number) => {
    const target = new MemoryEventStore({ shared: true });
    for (const event of log.slice(0, count)) await copy(target, event);
    return target;
  };
  const copy = (target: EventStore, event: Recorded, changes: Partial<NewEvent> = {}) => {
    const { id, type, data, meta } = event;
    return target.append(event.stream, event.revision - 1n, [{ id, type, data, meta, ...changes }]);
  };

  it('is refused for an event of somebody else: alone, or after events of ours', async () => {
    for (const count of [0, 1, 57]) {
      const target = await begun(count);
      await target.append('model-else.where', -1n, [newEvent()]);
      await refused(target, /holds other events.*model-else\.where/);
    }
  });

  it('is refused for another id, another content, another type, another order', async () => {
    for (const changes of [
      { id: newEvent().id },
      { data: { n: 57 } },
      { meta: { schema: 2 } },
      { type: 'test.Else' },
    ]) {
      const target = await begun(57);
      await copy(target, log[57]!, changes);
      await refused(target, /holds other events/);
    }
    const swapped = await begun(0);
    const other = log.find(({ stream, revision }) => stream !== log[0]!.stream && revision === 0n)!;
    await copy(swapped, other);
    await refused(swapped, /holds other events/);
  });

  it('is refused when it goes on where the source ends: the service has run on it', async () => {
    const target = await begun(SIZE);
    await target.append('model-acme.new', -1n, [newEvent()]);
    await refused(target, /goes on where the source ends.*model-acme\.new/);
  });

  it('is refused by a source that is shorter, or another', async () => {
    const shorter = await sqlite();
    for (const event of log.slice(0, SIZE / 2)) await copy(shorter, event);
    await refused(await begun(SIZE), /goes on where the source ends/, shorter);
    const other = await sqlite();
    await write(other, 50, 2);
    await refused(await begun(SIZE), /holds other events/, other);
  });

  it('is refused when somebody writes to it meanwhile', async () => {
    const target = await begun(20);
    const { stream, revision } = log[20]!;
    const meddled = new MortalEventStore(target, () => null);
    const append = meddled.append.bind(meddled);
    meddled.append = async (...args) => {
      if (meddled.sent === 0) await target.append(stream, revision - 1n, [newEvent()]);
      return append(...args);
    };
    await expect(migrate(source, meddled)).rejects.toThrow(/Something else writes to it/);
  });
});

describe('a server on which calls go wrong', () => {
  it('holds the same log in the end', async () => {
    const target = await esdb();
    server.faults.atRandom({ rate: 0.05, seed: 3, kinds: QUICK });
    const migrated = await migrate(source, target, { batch: 3, retryMs: 1 }).finally(() =>
      server.faults.clear(),
    );
    expect(migrated.target.digest).toBe(digest(log));
    expect(content(await toHead(target))).toEqual(content(log));
    expect(Object.values(server.faults.counts()).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(5);
  });
});

describe('positions', () => {
  it('that would get smaller are refused with the reason, at the first append: who goes on from one would skip', async () => {
    const far = new SparseEventStore(10n);
    await write(far, 30);
    const target = new MemoryEventStore();
    const attempt = migrate(far, target, { batch: 1 });
    await expect(attempt).rejects.toThrow(MigrationRefused);
    await expect(attempt).rejects.toThrow(/smaller position 1 in the target.*would skip events/);
    expect(await toHead(target)).toHaveLength(1);
    await expect(migrate(far, target, { batch: 1 })).rejects.toThrow(/smaller position 1 in the target/);
    expect(await toHead(target)).toHaveLength(1);
  });
});

describe('on the way', () => {
  it('it tells how far it is, in every phase, to the end', async () => {
    const target = new MemoryEventStore();
    const told: string[] = [];
    await migrate(source, new MortalEventStore(target, (n) => (n === 9 ? 'die before' : null))).catch(
      () => {},
    );
    await migrate(source, target, {
      onProgress: ({ phase, events, position, head }) => told.push(`${phase} ${events} ${position}/${head}`),
    });
    for (const phase of ['comparing', 'copying', 'verifying'])
      expect(told.some((line) => line.startsWith(phase))).toBe(true);
    expect(told.at(-1)).toBe(`verifying ${SIZE} ${SIZE}/${SIZE}`);
    expect(told).toContain(`copying ${SIZE} ${SIZE}/${SIZE}`);
  });

  it('it can be ended between two appends, and goes on from there', async () => {
    const target = new MemoryEventStore();
    const leaving = new AbortController();
    const onProgress = ({ events }: { events: number }) => events > 100 && leaving.abort();
    await expect(migrate(source, target, { onProgress, signal: leaving.signal })).rejects.toThrow();
    const there = (await toHead(target)).length;
    expect(there).toBeGreaterThan(100);
    expect(there).toBeLessThan(SIZE);
    expect((await migrate(source, target)).found).toBe(there);
  });

  it('events of the largest size go one by one, and no append takes more than one of them would', async () => {
    const large = await sqlite();
    const most = 512 * 1024;
    const sizes = [most, most / 2, most / 2, 10_000, most, 2_000];
    for (const [n, size] of sizes.entries()) await large.append('s', BigInt(n) - 1n, [eventOf(size)]);
    const counting = new MortalEventStore(new MemoryEventStore(), () => null);
    await migrate(large, counting);
    expect(counting.sent).toBe(5);
  });

  it('an empty log is copied as what it is', async () => {
    const empty = await sqlite();
    const migrated = await migrate(empty, new MemoryEventStore());
    expect(migrated).toMatchObject({ found: 0, copied: 0, source: { events: 0 }, target: { events: 0 } });
    expect(migrated.source.digest).toBe(migrated.target.digest);
  });
});
