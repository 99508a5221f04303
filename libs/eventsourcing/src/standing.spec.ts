import { randomUUID } from 'node:crypto';

import type { EventStore, NewEvent, Recorded } from './event-store';
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

  override async *read(stream: string, from = 0n): AsyncGenerator<Recorded> {
    this.reads.push(from);
    await this.gate;
    yield* super.read(stream, from);
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
