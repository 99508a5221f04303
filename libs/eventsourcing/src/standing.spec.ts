import { randomUUID } from 'node:crypto';

import {
  AnotherCopy,
  LogTruncated,
  StoreUnavailable,
  type EventStore,
  type NewEvent,
  type Recorded,
} from './event-store';
import { turn } from './slices';
import { Standing } from './standing';
import { MemoryEventStore } from './testing';
import type { Folding } from './warm-states';

const NUMBERS: Folding<{ seen: number[] }, { n: number }> = {
  initial: () => ({ seen: [] }),
  decode: ({ data }) => data as { n: number },
  evolve: (state, { n }) => void state.seen.push(n),
  bytes: () => 100,
};

const number = (n: number): NewEvent => {
  const id = randomUUID();
  const meta = { time: new Date(n).toISOString(), command: { id, fingerprint: '' } };
  return { id, type: 'number', data: { n }, meta };
};

/** Says how often it was read, and from where; each read waits until it is let go. */
class Slow extends MemoryEventStore {
  readonly reads: bigint[] = [];
  gate: Promise<void> = Promise.resolve();
  /** What was put in its place. */
  replaced: EventStore | undefined;

  override async *read(stream: string, from = 0n): AsyncGenerator<Recorded> {
    this.reads.push(from);
    await this.gate;
    yield* this.replaced?.read(stream, from) ?? super.read(stream, from);
  }
}

async function filled(store: EventStore, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await store.append('s', BigInt(n) - 1n, [number(n)]);
}

it('sees what was recorded before one looks, and reads only what is new', async () => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  expect(await standing.newest('s')).toMatchObject({ revision: -1n, state: { seen: [] } });
  await filled(store, 2);
  expect(await standing.newest('s')).toMatchObject({ revision: 1n, state: { seen: [0, 1] } });
  await store.append('s', 1n, [number(2)]);
  expect(await standing.newest('s')).toMatchObject({ revision: 2n, state: { seen: [0, 1, 2] } });
  expect(store.reads.at(-1)).toBe(2n);
});

it('asks the log once for every look, also for a stream that is not there', async () => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  for (const look of [1, 2]) {
    await standing.newest('s');
    expect(store.reads).toHaveLength(look);
  }
  await filled(store, 1);
  for (const look of [3, 4]) {
    expect(await standing.newest('s')).toMatchObject({ revision: 0n });
    expect(store.reads).toHaveLength(look);
  }
});

it('folds nothing twice however many look at once, and none of them is told less than was there when they came', async () => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  await filled(store, 50);
  for (let n = 50; n < 150; n++) {
    const early = [standing.newest('s'), standing.newest('s')];
    await store.append('s', BigInt(n) - 1n, [number(n)]);
    const late = await Promise.all([standing.newest('s'), standing.newest('s')]);
    for (const { revision, state } of late) {
      expect(revision).toBeGreaterThanOrEqual(BigInt(n));
      expect(state.seen).toEqual(state.seen.map((_, i) => i));
    }
    await Promise.all(early);
  }
});

it('who comes during a read waits for the next one, which serves all of them', async () => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  await filled(store, 1);
  let letGo: () => void = () => undefined;
  store.gate = new Promise((resolve) => (letGo = resolve));
  const first = standing.newest('s');
  const later = Array.from({ length: 100 }, () => standing.newest('s'));
  letGo();
  await Promise.all([first, ...later]);
  expect(store.reads.length).toBeLessThanOrEqual(3);
});

it('a read that fails fails for who asked, and the next one reads again', async () => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  await filled(store, 3);
  store.gate = Promise.reject(new Error('the disk is away'));
  const both = [standing.newest('s'), standing.newest('s')];
  await expect(both[0]).rejects.toThrow('away');
  await expect(both[1]).rejects.toThrow('away');
  store.gate = Promise.resolve();
  expect(await standing.newest('s')).toMatchObject({ revision: 2n });
});

it.each([
  ['goes on where it was after the log was away', new StoreUnavailable('away'), 3n],
  ['folds from zero after the log turned out to be another copy', new AnotherCopy('older'), 0n],
  ['folds from zero after the stream turned out to have a gap', new LogTruncated('s', 3n), 0n],
])('%s', async (_, failure, from) => {
  const store = new Slow();
  const standing = new Standing(store, NUMBERS);
  await filled(store, 3);
  await standing.newest('s');
  store.gate = Promise.reject(failure);
  await expect(standing.newest('s')).rejects.toBe(failure);
  store.gate = Promise.resolve();
  const reads = store.reads.length;
  expect(await standing.newest('s')).toMatchObject({ revision: 2n, state: { seen: [0, 1, 2] } });
  expect(store.reads[reads]).toBe(from);
});

it('folds from zero when the log that others write to was replaced by an older copy', async () => {
  const store = new Slow({ shared: true });
  const standing = new Standing(store, NUMBERS);
  await filled(store, 3);
  await standing.newest('s');
  for (const n of [2, 4]) {
    const older = new MemoryEventStore();
    await filled(older, n);
    store.replaced = older;
    await expect(standing.newest('s')).rejects.toThrow(AnotherCopy);
    expect((await standing.newest('s')).revision).toBe(BigInt(n) - 1n);
    store.replaced = undefined;
    await expect(standing.newest('s')).rejects.toThrow(AnotherCopy);
    expect((await standing.newest('s')).revision).toBe(2n);
  }
});

/** Stops in the middle of each long stream until it is let go. */
class Stopping extends MemoryEventStore {
  stopped = 0;
  letGo: () => void = () => undefined;
  private readonly gate = new Promise<void>((resolve) => (this.letGo = resolve));

  override async *read(stream: string, from = 0n): AsyncGenerator<Recorded> {
    for await (const recorded of super.read(stream, from)) {
      if (recorded.revision === 300n) this.stopped++;
      if (recorded.revision === 300n) await this.gate;
      yield recorded;
    }
  }
}

it('folds a few long streams from zero at once, and short ones whatever else is folded', async () => {
  const events = (count: number) => Array.from({ length: count }, (_, n) => number(n));
  const store = new Stopping();
  const long = Array.from({ length: 10 }, (_, n) => `long-${n}`);
  for (const stream of long) await store.append(stream, -1n, events(310));
  await store.append('short', -1n, events(200));
  const standing = new Standing(store, NUMBERS);
  const folding = Promise.all(long.map((stream) => standing.newest(stream)));
  while (store.stopped < 4) await turn();
  for (let turns = 0; turns < 100; turns++) await turn();
  expect(await standing.newest('short')).toMatchObject({ revision: 199n });
  expect(store.stopped).toBe(4);
  store.letGo();
  for (const { revision } of await folding) expect(revision).toBe(309n);
});
