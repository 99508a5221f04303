import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { EventStore, NewEvent, Recorded } from '../event-store';
import type { Subject } from './contract';
import { ids, newEvent, newEvents, take } from './contract-tools';

export function followContract(subject: Subject): void {
  let abort: AbortController;
  beforeEach(() => (abort = new AbortController()));
  afterEach(() => abort.abort());

  const follow = (after = 0n, prefix?: string): AsyncIterable<Recorded> =>
    subject.store.readAll(after, { follow: true, signal: abort.signal, prefix });

  describe('readAll, following', () => {
    it('gives what is there, then what comes', async () => {
      const events = newEvents(3);
      await subject.store.append('a', -1n, events.slice(0, 2));
      const seen = take(follow(), 3);
      await sleep(20);
      await subject.store.append('a', 1n, events.slice(2));
      expect(ids(await seen)).toEqual(ids(events));
    });

    it('waits on an empty log', async () => {
      const event = newEvent();
      const seen = take(follow(), 1);
      await sleep(10);
      await subject.store.append('a', -1n, [event]);
      expect(ids(await seen)).toEqual([event.id]);
    });

    it('misses nothing and repeats nothing while appends pour in', async () => {
      const events = newEvents(1_000);
      const seen = take(follow(), events.length);
      await Promise.all(events.map((event, n) => subject.store.append(`s-${n}`, -1n, [event])));
      const stored = await seen;
      expect(ids(stored).sort()).toEqual(ids(events).sort());
      for (const [index, { position }] of stored.entries())
        expect(position).toBeGreaterThan(stored[index - 1]?.position ?? 0n);
    });

    it('goes on from a position in the middle', async () => {
      const events = newEvents(6);
      const { position } = await subject.store.append('a', -1n, events.slice(0, 3));
      await subject.store.append('a', 2n, events.slice(3, 5));
      const seen = take(follow(position), 3);
      await subject.store.append('a', 4n, events.slice(5));
      expect(ids(await seen)).toEqual(ids(events.slice(3)));
    });

    it('shows an event soon after it was appended', async () => {
      const iterator = follow()[Symbol.asyncIterator]();
      let revision = -1n;
      const delays: number[] = [];
      for (let n = 0; n < 20; n++) {
        const seen = iterator.next();
        ({ revision } = await subject.store.append('a', revision, [newEvent()]));
        const acknowledged = performance.now();
        await seen;
        delays.push(performance.now() - acknowledged);
      }
      expect(delays.sort((a, b) => a - b)[10]).toBeLessThan(20);
    });

    it('gives the wanted streams only, and is not held up by the others', async () => {
      const wanted = newEvents(2);
      const seen = take(follow(0n, 'model-'), 2);
      await subject.store.append('other', -1n, newEvents(50));
      await subject.store.append('model-a', -1n, wanted.slice(0, 1));
      await subject.store.append('other', 49n, newEvents(50));
      await subject.store.append('model-a', 0n, wanted.slice(1));
      expect(ids(await seen)).toEqual(ids(wanted));
    });

    it('gives one stream only, not those whose names begin like it, from a position on', async () => {
      const { store } = subject;
      const wanted = newEvents(4);
      const of = (position: bigint) =>
        store.readAll(position, { follow: true, signal: abort.signal, stream: 'model-a' });
      const all = take(of(0n), 4);
      await store.append('model-a', -1n, wanted.slice(0, 2));
      await store.append('model-ab', -1n, newEvents(3));
      const { position } = await store.append('model-a', 1n, wanted.slice(2, 3));
      const rest = take(of(position), 1);
      await sleep(20);
      await store.append('model-ab', 2n, newEvents(3));
      await store.append('model-a', 2n, wanted.slice(3));
      expect(ids(await all)).toEqual(ids(wanted));
      expect(ids(await rest)).toEqual(ids(wanted.slice(3)));
    });

    it('waits for a stream that is not there yet', async () => {
      const event = newEvent();
      const seen = take(
        subject.store.readAll(0n, { follow: true, signal: abort.signal, stream: 'model-a' }),
        1,
      );
      await subject.store.append('model-ab', -1n, newEvents(2));
      await sleep(20);
      await subject.store.append('model-a', -1n, [event]);
      expect(ids(await seen)).toEqual([event.id]);
    });

    it('serves several at once, each with everything', async () => {
      const events = newEvents(60);
      const followers = Array.from({ length: 8 }, () => take(follow(), events.length));
      for (const [n, event] of events.entries()) await subject.store.append('a', BigInt(n) - 1n, [event]);
      for (const seen of await Promise.all(followers)) expect(ids(seen)).toEqual(ids(events));
    });

    it('may be slow: it loses nothing, and appends do not wait for it', async () => {
      const events = newEvents(400);
      const seen: string[] = [];
      const slow = (async () => {
        for await (const { id } of follow()) {
          if (seen.push(id) === events.length) return;
          if (seen.length % 50 === 0) await sleep(10);
        }
      })();
      for (let n = 0; n < 400; n += 100)
        await subject.store.append('a', BigInt(n) - 1n, events.slice(n, n + 100));
      expect(seen.length).toBeLessThan(400);
      await slow;
      expect(seen).toEqual(ids(events));
    });

    it('holds a bounded amount of memory for one that stands still', async () => {
      const before = heap();
      const idle = follow()[Symbol.asyncIterator]();
      let revision = await appendLarge(subject.store, -1n);
      await idle.next();
      for (let n = 0; n < 12; n++) revision = await appendLarge(subject.store, revision);
      // 13 × 4 MiB went by. The memory store keeps all of that by nature; nobody may keep it twice.
      expect(heap() - before).toBeLessThan(13 * 4 * 1.75 * 1024 * 1024);
      expect((await idle.next()).done).toBe(false);
    });
  });

  describe('abort', () => {
    it.each([
      ['while it waits', 0],
      ['while there is more', 3],
    ])('ends a follower promptly and without an error, %s', async (_, there) => {
      if (there > 0) await subject.store.append('a', -1n, newEvents(there));
      const iterator = follow()[Symbol.asyncIterator]();
      const pending = there > 0 ? (await iterator.next(), null) : iterator.next();
      await sleep(5);
      const started = performance.now();
      abort.abort();
      expect(await (pending ?? iterator.next())).toEqual({ done: true, value: undefined });
      expect(performance.now() - started).toBeLessThan(250);
    });

    it('ends the one it belongs to and no other', async () => {
      const other = take(follow(), 1);
      const own = new AbortController();
      const ended = take(subject.store.readAll(0n, { follow: true, signal: own.signal }), 1);
      await sleep(5);
      own.abort();
      expect(await ended).toEqual([]);
      const event: NewEvent = newEvent();
      await subject.store.append('a', -1n, [event]);
      expect(ids(await other)).toEqual([event.id]);
    });

    it('before it began: gives nothing, and ends', async () => {
      await subject.store.append('a', -1n, newEvents(3));
      abort.abort();
      expect(await take(follow(), 1)).toEqual([]);
    });
  });
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const heap = () => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

async function appendLarge(store: EventStore, after: bigint): Promise<bigint> {
  const large = Array.from({ length: 16 }, () => newEvent({ text: 'x'.repeat(256 * 1024) }));
  return (await store.append('large', after, large)).revision;
}
