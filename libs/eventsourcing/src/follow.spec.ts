import { setTimeout as sleep } from 'node:timers/promises';
import { type EventStore, type NewEvent, type Recorded, StoreUnavailable } from './event-store';
import { follow, type Following, type FollowOptions } from './follow';
import { type Checkpoint, type Follower, MayPass } from './projection';
import { MemoryEventStore } from './testing';

let count = 0;
const event = (): NewEvent => {
  const id = `00000000-0000-5000-8000-${String(++count).padStart(12, '0')}`;
  return {
    id,
    type: 'it.Happened',
    data: {},
    meta: { time: `2026-03-01T00:00:00.${String(count % 1000).padStart(3, '0')}Z` },
  };
};
const events = (n: number) => Array.from({ length: n }, event);

/** Remembers what it was given; fails where it is told to. */
class Notes implements Follower {
  readonly name = 'notes';
  readonly seen: bigint[] = [];
  readonly batches: number[] = [];
  resets = 0;
  failAt = -1n;
  failure = new Error('cannot handle this');

  constructor(private at: Checkpoint | null = null) {}

  async checkpoint(): Promise<Checkpoint | null> {
    return this.at;
  }

  async handle(batch: readonly Recorded[], checkpoint: Checkpoint): Promise<void> {
    if (batch.some(({ position }) => position === this.failAt)) throw this.failure;
    this.seen.push(...batch.map(({ position }) => position));
    this.batches.push(batch.length);
    this.at = checkpoint;
  }

  async reset(): Promise<void> {
    this.resets++;
    this.seen.length = 0;
    this.at = null;
  }
}

/** Puts work off until it is told to settle. */
class PutOff extends Notes {
  settled: number[] = [];
  async settle(): Promise<void> {
    this.settled.push(this.seen.length);
  }
}

let stop: AbortController;
beforeEach(() => (stop = new AbortController()));
afterEach(() => stop.abort());

const start = (store: EventStore, follower: Follower, options: Partial<FollowOptions> = {}): Following =>
  follow(store, follower, { signal: stop.signal, ...options });

const positions = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => BigInt(from + i));

test('hands over every event in order, each once, and then what comes', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(2_500));
  const notes = new Notes();
  const following = start(store, notes);
  expect(await following.reached(2_500n, 5_000)).toBe(true);
  await store.append('s', 2_499n, events(3));
  expect(await following.reached(2_503n, 5_000)).toBe(true);
  expect(notes.seen).toEqual(positions(1, 2_503));
  expect(following.status()).toMatchObject({ name: 'notes', position: 2_503n, lag: 0n, state: 'live' });
});

test('what is there at once is handed over at once, but never more than a batch', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(100));
  const notes = new Notes();
  await start(store, notes, { batch: 40 }).reached(100n, 5_000);
  expect(notes.seen).toEqual(positions(1, 100));
  expect(Math.max(...notes.batches)).toBeLessThanOrEqual(40);
  // Three, where the machine is not so busy that a slice of time ends before.
  expect(notes.batches.length).toBeLessThan(10);
});

test('goes on after its checkpoint', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(5));
  const first = new Notes();
  const before = start(store, first);
  await before.reached(5n, 5_000);
  stop.abort();
  await before.done;
  stop = new AbortController();
  await store.append('s', 4n, events(2));
  const second = new Notes(await first.checkpoint());
  await start(store, second).reached(7n, 5_000);
  expect(second.seen).toEqual([6n, 7n]);
  expect(second.resets).toBe(0);
});

describe('a checkpoint that is not of this log resets the follower, and everything comes again', () => {
  test.each<[string, (checkpoint: Checkpoint) => Checkpoint]>([
    ['another log', (checkpoint) => ({ ...checkpoint, logId: 'another' })],
    ['an older copy: no such event', (checkpoint) => ({ ...checkpoint, revision: 99n, position: 100n })],
    ['another event in its place', (checkpoint) => ({ ...checkpoint, id: 'another' })],
    ['the event at another position', (checkpoint) => ({ ...checkpoint, position: 1n })],
    ['no such stream', (checkpoint) => ({ ...checkpoint, stream: 'other' })],
  ])('%s', async (_, change) => {
    const store = new MemoryEventStore();
    await store.append('s', -1n, events(3));
    const { logId } = await store.log();
    const last: Recorded[] = [];
    for await (const recorded of store.read('s', 2n)) last.push(recorded);
    const { position, stream, revision, id } = last[0]!;
    const notes = new Notes(change({ logId, position, stream, revision, id }));
    await start(store, notes).reached(3n, 5_000);
    expect(notes.resets).toBe(1);
    expect(notes.seen).toEqual([1n, 2n, 3n]);
  });
});

test('an error of the follower stops it with the error; nothing is skipped', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(5));
  const notes = new Notes();
  notes.failAt = 3n;
  const errors: [string, boolean][] = [];
  const following = start(store, notes, {
    batch: 1,
    onError: ({ message }, retry) => errors.push([message, retry]),
  });
  await following.done;
  expect(notes.seen).toEqual([1n, 2n]);
  expect(errors).toEqual([['cannot handle this', false]]);
  expect(following.status()).toMatchObject({
    state: 'stopped',
    // Who reads the status may be anybody: the text is for the log.
    error: 'Error: the log of this process says more',
    position: 2n,
    head: 5n,
    lag: 3n,
  });
  expect(await following.reached(5n, 1_000)).toBe(false);
});

test('an error that may pass starts it again from its checkpoint, and every event is handled in the end', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(5));
  const notes = new Notes();
  notes.failAt = 3n;
  notes.failure = new MayPass('the disk is full');
  const errors: [string, boolean][] = [];
  const following = start(store, notes, {
    batch: 1,
    retryMs: { first: 5, longest: 20 },
    onError: ({ message }, retry) => {
      errors.push([message, retry]);
      if (errors.length === 3) notes.failAt = -1n;
    },
  });
  expect(await following.reached(5n, 5_000)).toBe(true);
  expect(notes.seen).toEqual([1n, 2n, 3n, 4n, 5n]);
  expect(errors).toEqual(Array(3).fill(['the disk is full', true]));
  expect(following.status()).toMatchObject({ state: 'live', lag: 0n });
});

test('a follower that has been at the end of the log has caught up, also while it cannot go on', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(1));
  const notes = new Notes();
  notes.failAt = 2n;
  notes.failure = new MayPass('the disk is full');
  const failures: Error[] = [];
  const onError = (error: Error) => failures.push(error);
  const following = start(store, notes, { retryMs: { first: 5, longest: 20 }, onError });
  expect(following.status().caughtUp).toBe(false);
  expect(await following.reached(1n, 5_000)).toBe(true);
  await store.append('s', 0n, events(1));
  while (failures.length < 3) await sleep(5);
  expect(following.status()).toMatchObject({ state: 'catching-up', caughtUp: true });
});

test('what had caught up with a log that was replaced has yet to catch up with the new one', async () => {
  const before = new MemoryEventStore();
  const after = new MemoryEventStore();
  await before.append('s', -1n, events(5));
  await after.append('s', -1n, events(3));
  let now: MemoryEventStore = before;
  const replaced: EventStore = {
    shared: true,
    append: (...args) => now.append(...args),
    read: (...args) => now.read(...args),
    log: () => now.log(),
    async *readAll(...args) {
      yield* now.readAll(args[0], { ...args[1], follow: false });
      while (now === before) await sleep(5);
      throw new Error('the connection is gone');
    },
  };
  const notes = new Notes();
  const upToDateAtReset: boolean[] = [];
  const onReset = () => upToDateAtReset.push(following.caughtUp);
  const following = start(replaced, notes, { retryMs: { first: 5, longest: 20 }, onReset });
  expect(await following.reached(5n, 5_000)).toBe(true);
  expect(following.caughtUp).toBe(true);
  notes.failAt = 3n;
  now = after;
  await following.done;
  expect(upToDateAtReset).toEqual([false]);
  expect(following).toMatchObject({ caughtUp: false });
});

/** A log that cannot be read now and then: after so many events, and at first not even asked for its end. */
class Flaky extends MemoryEventStore {
  outages = 3;
  override async *readAll(...args: Parameters<MemoryEventStore['readAll']>): AsyncGenerator<Recorded> {
    let read = 0;
    for await (const recorded of super.readAll(...args)) {
      if (this.outages > 0 && ++read > 2) {
        this.outages--;
        throw new Error('the network is down');
      }
      yield recorded;
    }
  }
}

test('an error of the store is retried, and no event is lost or handed over twice', async () => {
  const store = new Flaky();
  await store.append('s', -1n, events(20));
  const notes = new Notes();
  const errors: [string, boolean][] = [];
  const retryMs = { first: 1, longest: 5 };
  const following = start(store, notes, {
    retryMs,
    onError: ({ message }, retry) => errors.push([message, retry]),
  });
  expect(await following.reached(20n, 5_000)).toBe(true);
  expect(notes.seen).toEqual(positions(1, 20));
  expect(errors).toEqual(Array.from({ length: 3 }, () => ['the network is down', true]));
  expect(following.status().error).toBeUndefined();
});

test('a position is reached when its effect can be seen, not before; waiting ends after the time', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(1));
  const following = start(store, new Notes());
  expect(await following.reached(2n, 20)).toBe(false);
  const reached = following.reached(2n, 5_000);
  await store.append('s', 0n, events(1));
  expect(await reached).toBe(true);
  expect(following.status().position).toBe(2n);
});

test('waiting ends when the follower stops', async () => {
  const following = start(new MemoryEventStore(), new Notes());
  const reached = following.reached(1n, 60_000);
  stop.abort();
  expect(await reached).toBe(false);
  await following.done;
  expect(following.status().state).toBe('stopped');
});

test('work that was put off is settled at the end of the log, and then with every batch', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(3_000));
  const notes = new PutOff();
  const following = start(store, notes);
  await following.reached(3_000n, 5_000);
  expect(notes.settled).toEqual([3_000]);
  await store.append('s', 2_999n, events(2));
  await following.reached(3_002n, 5_000);
  expect(notes.settled.at(-1)).toBe(3_002);
});

test('work that was put off is settled when it stops', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(30_000));
  const notes = new PutOff();
  const following = start(store, notes, { onProgress: () => stop.abort() });
  await following.done;
  expect(notes.seen.length).toBeLessThan(30_000);
  expect(notes.settled).toEqual([notes.seen.length]);
});

test('a long way to catch up leaves others their turn between any two batches', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(10_000));
  let turns = 0;
  let immediate = setImmediate(function count() {
    turns++;
    immediate = setImmediate(count);
  });
  const notes = new Notes();
  const turnsAt: number[] = [];
  const handle = notes.handle.bind(notes);
  notes.handle = (...args) => {
    turnsAt.push(turns);
    return handle(...args);
  };
  await start(store, notes).reached(10_000n, 20_000);
  clearImmediate(immediate);
  expect(turnsAt.length).toBeGreaterThanOrEqual(10);
  expect(new Set(turnsAt).size).toBe(turnsAt.length);
});

test('the lag shows even while the follower hangs', async () => {
  const store = new MemoryEventStore();
  const hanging = new Notes();
  hanging.handle = () => sleep(300);
  const following = start(store, hanging);
  await sleep(5);
  await store.append('s', -1n, events(4));
  expect((await following.measured()).lag).toBe(4n);
  await sleep(60);
  expect((await following.measured()).behindMs).toBeGreaterThan(50);
  await following.reached(4n, 5_000);
  expect(following.status().behindMs).toBe(0);
});

/** Fails or hangs when it is asked for its end. */
class Moody extends MemoryEventStore {
  mood: 'well' | 'away' | 'silent' = 'well';
  asked = 0;

  override async log(): ReturnType<MemoryEventStore['log']> {
    this.asked++;
    if (this.mood === 'away') throw new StoreUnavailable('the log is away');
    if (this.mood === 'silent') return new Promise(() => {});
    return super.log();
  }
}

test('an error is over when the log can be read again, though nothing new is in it', async () => {
  const store = new Moody();
  store.mood = 'away';
  const told: (string | undefined)[] = [];
  const following = start(store, new Notes(), { onProgress: ({ error }) => told.push(error) });
  while (following.status().error === undefined) await sleep(5);
  expect(following.status().error).toMatch(/StoreUnavailable/);
  store.mood = 'well';
  while (following.status().state !== 'live') await sleep(5);
  expect(following.status().error).toBeUndefined();
  expect(told).toEqual([undefined]);
});

test('an error stays as long as there is something that was not handled', async () => {
  const store = new MemoryEventStore();
  await store.append('s', -1n, events(1));
  const notes = new Notes();
  notes.failAt = 1n;
  notes.failure = new MayPass('no room for it');
  const seen = new Set<string | undefined>();
  const following = start(store, notes, { retryMs: { first: 20, longest: 20 } });
  while (following.status().error === undefined) await sleep(1);
  for (let tries = 0; tries < 100; tries++) {
    seen.add(following.status().error);
    await sleep(1);
  }
  expect([...seen]).toEqual(['no room for it']);
});

test('however many ask how far it is, a log that is silent is asked once, and they have an answer in time', async () => {
  const store = new Moody();
  const following = start(store, new Notes());
  while (following.status().state !== 'live') await sleep(5);
  store.asked = 0;
  store.mood = 'silent';
  const since = performance.now();
  const all = await Promise.all(Array.from({ length: 20 }, () => following.measured()));
  await following.measured();
  // The log never answers.
  expect(performance.now() - since).toBeLessThan(20_000);
  expect(all.every(({ state }) => state === 'live')).toBe(true);
  expect(store.asked).toBe(1);
});
