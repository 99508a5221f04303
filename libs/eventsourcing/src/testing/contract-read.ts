import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Subject } from './contract';
import { collect, ids, newEvent, newEvents, take, toHead } from './contract-tools';

/** More than any page of any adapter. */
const MANY = 2_000;

export function readContract(subject: Subject): void {
  describe('read', () => {
    it('gives nothing for a stream that is not there', async () => {
      expect(await collect(subject.store.read('nobody'))).toEqual([]);
    });

    it.each([
      [0n, [0, 1, 2, 3, 4]],
      [3n, [3, 4]],
      [4n, [4]],
      [5n, []],
      [2n ** 62n, []],
    ])('begins at revision %s, inclusive', async (from, expected) => {
      await subject.store.append('a', -1n, newEvents(5));
      const events = await collect(subject.store.read('a', from));
      expect(events.map(({ revision }) => Number(revision))).toEqual(expected);
    });

    it('gives revisions without a gap and the events of that stream only', async () => {
      for (let n = 0; n < 30; n++) {
        await subject.store.append('a', BigInt(n) - 1n, [newEvent({ n })]);
        await subject.store.append('b', BigInt(n) - 1n, [newEvent()]);
      }
      const events = await collect(subject.store.read('a'));
      expect(events.map(({ revision, stream, data }) => [revision, stream, data['n']])).toEqual(
        events.map((_, n) => [BigInt(n), 'a', n]),
      );
      expect(events).toHaveLength(30);
    });

    it('pages through a long stream', async () => {
      const events = newEvents(MANY);
      await subject.store.append('a', -1n, events);
      expect(ids(await collect(subject.store.read('a')))).toEqual(ids(events));
      expect(ids(await collect(subject.store.read('a', 777n)))).toEqual(ids(events.slice(777)));
    });

    it('can be left in the middle, and begun again', async () => {
      await subject.store.append('a', -1n, newEvents(MANY));
      for (let n = 0; n < 3; n++) expect(await take(subject.store.read('a'), 5)).toHaveLength(5);
      expect((await subject.store.append('a', BigInt(MANY) - 1n, [newEvent()])).revision).toBe(BigInt(MANY));
    });

    it('goes on while appends come in', async () => {
      await subject.store.append('a', -1n, newEvents(500));
      let seen = 0n;
      for await (const { revision } of subject.store.read('a')) {
        if (revision % 100n === 0n) await subject.store.append('b', revision / 100n - 1n, [newEvent()]);
        expect(revision).toBe(seen++);
      }
      expect(seen).toBe(500n);
    });
  });

  describe('readAll, to the head', () => {
    it('gives nothing on an empty log', async () => {
      expect(await toHead(subject.store)).toEqual([]);
      expect(await subject.store.log()).toMatchObject({ head: 0n });
    });

    it('gives every event once, in the order of the appends, at strictly increasing positions', async () => {
      const appended: string[] = [];
      for (let n = 0; n < 40; n++) {
        const batch = newEvents(1 + (n % 3));
        await subject.store.append(`s-${n}`, -1n, batch);
        appended.push(...ids(batch));
      }
      const events = await toHead(subject.store);
      expect(ids(events)).toEqual(appended);
      for (const [index, { position }] of events.entries())
        expect(position).toBeGreaterThan(events[index - 1]?.position ?? 0n);
    });

    it('begins after the position it is given', async () => {
      await subject.store.append('a', -1n, newEvents(9));
      const all = await toHead(subject.store);
      for (const [index, { position }] of all.entries())
        expect(ids(await toHead(subject.store, position))).toEqual(ids(all.slice(index + 1)));
    });

    it('gives nothing after the head, or beyond it', async () => {
      const { position } = await subject.store.append('a', -1n, newEvents(3));
      expect(await toHead(subject.store, position)).toEqual([]);
      expect(await toHead(subject.store, position + 1_000n)).toEqual([]);
    });

    it('ends at the head as it was when it was called', async () => {
      await subject.store.append('a', -1n, newEvents(MANY));
      const { signal } = new AbortController();
      let seen = 0;
      for await (const { revision } of subject.store.readAll(0n, { follow: false, signal }))
        if (seen++ < 10) await subject.store.append('b', revision - 1n, [newEvent()]);
      expect(seen).toBe(MANY);
    });

    it('pages through a long log', async () => {
      const events = newEvents(MANY);
      for (let n = 0; n < 4; n++)
        await subject.store.append(`s-${n}`, -1n, events.slice(n * 500, n * 500 + 500));
      expect(ids(await toHead(subject.store))).toEqual(ids(events));
    });

    it.each([
      ['model-', ['model-a', 'model-b.c']],
      ['model-a', ['model-a']],
      ['MODEL', []],
      ['%', ['%x']],
      ['_', []],
      ['', ['model-a', 'policy-a', 'model-b.c', 'mode', 'ü-1', '%x']],
      ['ü', ['ü-1']],
    ])('skips the streams that do not begin with "%s"', async (prefix, expected) => {
      for (const stream of ['model-a', 'policy-a', 'model-b.c', 'mode', 'ü-1', '%x'])
        await subject.store.append(stream, -1n, [newEvent()]);
      const events = await toHead(subject.store, 0n, { prefix });
      expect(events.map(({ stream }) => stream)).toEqual(expected);
    });

    it('gives one stream by itself, from a position on', async () => {
      const wanted = newEvents(MANY);
      await subject.store.append('model-a', -1n, wanted.slice(0, 3));
      await subject.store.append('model-ab', -1n, newEvents(3));
      const { position } = await subject.store.append('model-a', 2n, wanted.slice(3, 5));
      await subject.store.append('model-a', 4n, wanted.slice(5));
      expect(ids(await toHead(subject.store, 0n, { stream: 'model-a' }))).toEqual(ids(wanted));
      expect(ids(await toHead(subject.store, position, { stream: 'model-a' }))).toEqual(ids(wanted.slice(5)));
      expect(await toHead(subject.store, 0n, { stream: 'model-' })).toEqual([]);
      const { signal } = new AbortController();
      let seen = 0;
      for await (const _ of subject.store.readAll(0n, { follow: false, signal, stream: 'model-ab' })) seen++;
      expect(seen).toBe(3);
      expect(await toHead(subject.store, 0n, { stream: 'model-a', signal: AbortSignal.abort() })).toEqual([]);
    });

    it('gives of one stream what is behind any position, wherever that is', async () => {
      const positions: bigint[] = [];
      for (let n = 0; n < 24; n++) {
        const stream = n % 3 === 1 ? 'model-b' : 'model-a';
        const at = [...positions.keys()].filter((i) => (i % 3 === 1) === (n % 3 === 1)).length;
        positions.push((await subject.store.append(stream, BigInt(at) - 1n, [newEvent()])).position);
      }
      const all = await toHead(subject.store, 0n, { stream: 'model-a' });
      expect(all).toHaveLength(16);
      for (const position of [0n, ...positions]) {
        const behind = all.filter((event) => event.position > position);
        expect(ids(await toHead(subject.store, position, { stream: 'model-a' }))).toEqual(ids(behind));
      }
    });

    it('finds the few that are wanted among many that are not', async () => {
      await subject.store.append('other-1', -1n, newEvents(MANY));
      const wanted = newEvent();
      await subject.store.append('model-a', -1n, [wanted]);
      await subject.store.append('other-2', -1n, newEvents(MANY));
      expect(ids(await toHead(subject.store, 0n, { prefix: 'model-' }))).toEqual([wanted.id]);
    });

    it('gives nothing when it was aborted before it began', async () => {
      await subject.store.append('a', -1n, newEvents(3));
      expect(await toHead(subject.store, 0n, { signal: AbortSignal.abort() })).toEqual([]);
    });

    it('stops in the middle when it is aborted, without an error', async () => {
      await subject.store.append('a', -1n, newEvents(MANY));
      const abort = new AbortController();
      let seen = 0;
      for await (const _ of subject.store.readAll(0n, { follow: false, signal: abort.signal }))
        if (++seen === 7) abort.abort();
      expect(seen).toBe(7);
    });

    it('lets timers and requests have their turn, however busy the one who reads is', async () => {
      await subject.store.append('a', -1n, newEvents(600));
      let best = Infinity;
      // Other processes of the machine can hold up a turn, too: once is enough.
      for (let n = 0; n < 10 && best >= 60; n++) best = await longestTurn(readBusily(subject));
      expect(best).toBeLessThan(60);
    });
  });

  describe('log', () => {
    it('has one name, and a head that is the position of the last event', async () => {
      const { logId, head } = await subject.store.log();
      expect(logId).not.toBe('');
      expect(head).toBe(0n);
      const { position } = await subject.store.append('a', -1n, newEvents(3));
      expect(await subject.store.log()).toEqual({ logId, head: position });
    });
  });
}

/** Half a millisecond of work on each event. */
async function readBusily(subject: Subject): Promise<void> {
  for await (const _ of subject.store.readAll(0n, { follow: false, signal: new AbortController().signal }))
    for (const before = process.cpuUsage(); process.cpuUsage(before).user < 500;);
}

/** How much work was done in one turn of the event loop at most while something ran, in milliseconds of a processor. */
async function longestTurn(running: Promise<void>): Promise<number> {
  let open = true;
  void running.finally(() => (open = false));
  let longest = 0;
  while (open) {
    const before = process.cpuUsage();
    await nextTurn();
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
  }
  await running;
  return longest;
}
