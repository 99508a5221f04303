import { setTimeout as sleep } from 'node:timers/promises';
import { type EventStore, type NewEvent, reasonOf, type Recorded } from '@gatehouse/eventsourcing';
import { collect, ids, newEvent, newEvents, take, toHead } from '@gatehouse/eventsourcing/testing';
import { type EsdbServer, type FaultKind, FAULTS } from './testing';
import { undisturbed } from '../../../../test/support/undisturbed';
import { Bench } from './testing/spec-tools';

const bench = new Bench();
let stop: AbortController;
beforeEach(() => (stop = new AbortController()));
afterEach(async () => {
  stop.abort();
  await bench.clear();
});

const follow = (store: EventStore, after = 0n) => store.readAll(after, { follow: true, signal: stop.signal });
const others = (server: EsdbServer, count: number) =>
  server.inject(
    'order-1',
    Array.from({ length: count }, () => ({ type: 'OrderPlaced', data: {} })),
  );

test('what everybody may be told of a read that failed names no stream', async () => {
  const { server } = await bench.server();
  const store = await bench.store(server.connectionString);
  await store.append('model-acme.fraud', -1n, newEvents(1));
  await server.stop();
  const error = (await collect(store.read('model-acme.fraud')).catch((reason: unknown) => reason)) as Error;
  expect(error.message).toContain('model-acme.fraud');
  expect(reasonOf(error)).toMatch(/^StoreUnavailable: ./);
  expect(reasonOf(error)).not.toMatch(/acme|fraud/);
});

describe('a follower', () => {
  const faults: readonly FaultKind[] = FAULTS.subscribe;

  it.each(faults)('that meets "%s" comes to everything, once and in order', async (kind) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(40);
    await store.append('a', -1n, events.slice(0, 10));
    server.faults.next('subscribe', kind, { after: 5, times: 2 });
    const following = take(follow(store), 40);
    for (let at = 10; at < 40; at += 10) await store.append('a', BigInt(at - 1), events.slice(at, at + 10));
    expect(ids(await following)).toEqual(ids(events));
    // The second one too: with a fault before anything is done at once, else at the first event that is due.
    expect(server.faults.counts()[`subscribe ${kind}`]).toBe(2);
  });

  it.each(faults)('of one stream that meets "%s" comes to everything, once and in order', async (kind) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(40);
    await store.append('a', -1n, events.slice(0, 10));
    server.faults.next('subscribe', kind, { after: 5, times: 2 });
    const following = take(store.readAll(0n, { follow: true, signal: stop.signal, stream: 'a' }), 40);
    for (let at = 10; at < 40; at += 10) {
      await sleep(20);
      await store.append('a', BigInt(at - 1), events.slice(at, at + 10));
      await store.append('ab', BigInt(at - 11), newEvents(10));
    }
    expect(ids(await following)).toEqual(ids(events));
    expect(server.faults.counts()[`subscribe ${kind}`]).toBe(2);
  });

  it('is not fooled by checkpoints that come all the time and no events', async () => {
    const { server } = await bench.server({ noise: 0 });
    const store = await bench.store(server.connectionString);
    server.faults.next('subscribe', 'checkpoints-only', { after: 1 });
    const events = newEvents(3);
    const following = take(follow(store), 3);
    await store.append('a', -1n, events);
    const since = performance.now();
    let done = false;
    const noise = (async () => {
      while (!done && performance.now() - since < 20_000) {
        others(server, 1_000);
        await sleep(20);
      }
    })();
    expect(ids(await following)).toEqual(ids(events));
    // The noise goes on meanwhile.
    expect(performance.now() - since).toBeLessThan(20_000);
    done = true;
    await noise;
  });

  it('whose node is killed and comes back goes on behind what it has', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(20);
    const seen: Recorded[] = [];
    const following = (async () => {
      for await (const event of follow(store)) if (seen.push(event) === 20) return;
    })();
    await store.append('a', -1n, events.slice(0, 10));
    while (seen.length < 10) await sleep(5);
    await server.stop();
    await sleep(300);
    await server.start();
    await store.append('a', 9n, events.slice(10));
    await following;
    expect(ids(seen)).toEqual(ids(events));
  });

  it('whose subscription is dropped after it was quiet for long makes it anew, and nobody notices', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, { giveUpMs: 300 });
    const events = newEvents(2);
    await store.append('a', -1n, events.slice(0, 1));
    const followings = [
      take(follow(store), 2),
      take(store.readAll(0n, { follow: true, signal: stop.signal, stream: 'a' }), 2),
    ];
    await sleep(1_300);
    server.faults.next('subscribe', 'unavailable', { times: 2 });
    server.cutAll();
    await sleep(100);
    await store.append('a', 0n, events.slice(1));
    for (const following of followings) expect(ids(await following)).toEqual(ids(events));
  });

  it('that was given nothing yet notices an older copy of the log', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    await store.append('a', -1n, newEvents(1));
    const count = server.events().length;
    await store.append('b', -1n, newEvents(3));
    const { head } = await store.log();
    const following = take(follow(store, head), 1);
    following.catch(() => undefined);
    await sleep(200);
    const { port, log } = server;
    await server.stop();
    const { server: older } = await bench.server({ port, log: log.older(count) });
    // At positions that it has passed already: without a look they would be left out.
    older.inject('gatehouse-c', [{ type: 'foreign', data: {} }]);
    await expect(following).rejects.toThrow(/another copy of the log/);
  });

  it('of one stream that is given nothing says at once that what is due is missing', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, { giveUpMs: 20_000 });
    await store.append('a', -1n, newEvents(1));
    server.faults.next('subscribe', 'stall', { times: 1_000 });
    const following = take(store.readAll(0n, { follow: true, signal: stop.signal, stream: 'a' }), 2);
    following.catch(() => undefined);
    await sleep(50);
    await store.append('a', 0n, newEvents(2));
    server.truncate('gatehouse-a', 2);
    await expect(following).rejects.toMatchObject(TRUNCATED);
  });

  it.each(['the log is quiet', 'only others write', 'whoever reads it is slow'])(
    'is not made anew while %s',
    async (why) => {
      const { server } = await bench.server();
      const store = await bench.store(server.connectionString, { quietMs: 50 });
      await store.append('a', -1n, newEvents(5));
      const seen: string[] = [];
      const following = (async () => {
        for await (const { id } of follow(store)) {
          seen.push(id);
          if (why === 'whoever reads it is slow') await sleep(120);
        }
      })();
      while (seen.length === 0) await sleep(5);
      // From now on a new subscription would be counted.
      server.faults.next('subscribe', 'unavailable', { times: 1_000 });
      const until = performance.now() + 700;
      while (performance.now() < until || seen.length < 5) {
        if (why === 'only others write') others(server, 300);
        await sleep(20);
      }
      expect(seen).toHaveLength(5);
      expect(server.faults.counts()).toEqual({});
      stop.abort();
      await following;
    },
  );

  it('that is asked to begin where no event does begins where nothing is left out', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(5);
    await store.append('a', -1n, events);
    const [, second, third] = await toHead(store);
    for (const after of [second!.position + 1n, third!.position - 1n])
      expect(ids(await take(follow(store, after), 3))).toEqual(ids(events.slice(2)));
  });
});

test('an error that says nothing, met again and again on the way, makes nobody begin anew at the beginning', async () => {
  const { server } = await bench.server();
  const store = await bench.store(server.connectionString);
  const events = newEvents(30);
  await store.append('a', -1n, events);
  // Each call comes five events further.
  server.faults.next('subscribe', 'unknown-midway', { after: 5, times: 1_000 });
  server.faults.next('read-all', 'unknown-midway', { after: 5, times: 7 });
  expect(ids(await toHead(store))).toEqual(ids(events));
  expect(ids(await take(follow(store), 30))).toEqual(ids(events));
  expect(server.faults.counts()['subscribe unknown-midway']).toBeLessThan(10);
});

// Newer servers refuse it by name, older ones do not.
describe.each(['23.10.1', '22.10.0'])('a position at which version %s has no record', (version) => {
  const scavenged = async () => {
    const { server } = await bench.server({ version });
    const store = await bench.store(server.connectionString);
    const events = newEvents(6);
    await store.append('a', -1n, events.slice(0, 4));
    await store.append('b', -1n, events.slice(4));
    const there = await toHead(store);
    server.truncate('gatehouse-a', 3);
    server.log.scavenge();
    return { server, store, events, there };
  };

  it('is one to read and follow from, with nothing left out', async () => {
    const { store, events, there } = await scavenged();
    const [, second, , fourth, fifth] = there;
    const cases: [bigint, readonly NewEvent[]][] = [
      [1n, events.slice(3)],
      [second!.position, events.slice(3)],
      [fourth!.position + 1n, events.slice(4)],
      [fifth!.position - 1n, events.slice(4)],
    ];
    for (const [after, rest] of cases) {
      expect(ids(await toHead(store, after))).toEqual(ids(rest));
      expect(ids(await take(follow(store, after), rest.length))).toEqual(ids(rest));
    }
  });

  it('is one to go on from when the subscription ends there', async () => {
    const { server } = await bench.server({ version });
    const store = await bench.store(server.connectionString);
    const events = newEvents(4);
    const seen: Recorded[] = [];
    const following = (async () => {
      for await (const event of follow(store)) if (seen.push(event) === 4) return;
    })();
    await store.append('a', -1n, events.slice(0, 3));
    while (seen.length < 3) await sleep(5);
    server.truncate('gatehouse-a', 3);
    server.log.scavenge();
    server.cutAll();
    await store.append('b', -1n, events.slice(3));
    await following;
    expect(ids(seen)).toEqual(ids(events));
  });

  it('is beyond the end: what comes next is given out', async () => {
    const { server, store } = await scavenged();
    const end = BigInt(server.log.endPosition);
    const next = newEvent();
    const following = take(follow(store, end), 1);
    await sleep(50);
    await store.append('c', -1n, [newEvent(), next]);
    expect(await toHead(store, end + 10_000n)).toEqual([]);
    expect((await following)[0]!.position).toBeGreaterThanOrEqual(end);
  });
});

describe('a long way through what is not ours', () => {
  // A call may be silent for 300 ms, and is given up after 2 s without progress.
  const slow = async (lookMs: number) => {
    const { server } = await bench.server({ noise: 0 });
    const quick = await bench.store(server.connectionString);
    const events = newEvents(3);
    await quick.append('a', -1n, events.slice(0, 1));
    others(server, 6_000);
    await quick.append('b', -1n, events.slice(1, 2));
    others(server, 6_000);
    const { server: node } = await bench.server({ log: server.log, noise: 0, lookMs });
    const store = await bench.store(node.connectionString);
    return { node, quick, store, events };
  };

  it('is gone to its end by a read to the head, and by who asks for the head', async () => {
    const { quick, store, events } = await slow(0.12);
    expect(await store.log()).toEqual(await quick.log());
    expect(ids(await toHead(store))).toEqual(ids(events.slice(0, 2)));
  });

  it('is gone to its end by a follower, and is not begun again while checkpoints come', () =>
    undisturbed(async () => {
      const { node, quick, store, events } = await slow(0.05);
      const following = take(follow(store), 3);
      await sleep(50);
      // A new subscription would be counted from now on.
      node.faults.next('subscribe', 'unavailable', { times: 1_000 });
      await quick.append('c', -1n, events.slice(2));
      expect(ids(await following)).toEqual(ids(events));
      expect(node.faults.counts()).toEqual({});
    }));

  it('is gone to its end by a follower though the checkpoints are far apart', async () => {
    const { quick, store, events } = await slow(0.3);
    const following = take(follow(store), 3);
    await quick.append('c', -1n, events.slice(2));
    expect(ids(await following)).toEqual(ids(events));
  });

  it('is not gone at all by who reads or follows one stream', async () => {
    const { quick, store, events } = await slow(5);
    const { signal } = stop;
    const since = performance.now();
    expect(ids(await toHead(store, 0n, { stream: 'b' }))).toEqual(ids(events.slice(1, 2)));
    const following = take(store.readAll(0n, { follow: true, signal, stream: 'b' }), 2);
    await quick.append('b', 0n, events.slice(2));
    expect(ids(await following)).toEqual(ids(events.slice(1)));
    // To look at all of it takes a minute.
    expect(performance.now() - since).toBeLessThan(20_000);
  });

  it('lets a read that has broken off on the way be made anew soon', async () => {
    const { node, store, events } = await slow(0.05);
    node.faults.next('read-all', 'stall', { after: 1, times: 2 });
    const since = performance.now();
    expect(ids(await toHead(store))).toEqual(ids(events.slice(0, 2)));
    expect(performance.now() - since).toBeLessThan(15_000);
  });
});

describe('a read to the head', () => {
  const faults: readonly FaultKind[] = FAULTS['read-all'];

  it.each(faults)('that meets "%s" comes to everything, once and in order', async (kind) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(30);
    await store.append('a', -1n, events);
    server.faults.next('read-all', kind, { after: 7, times: 3 });
    expect(ids(await toHead(store))).toEqual(ids(events));
  });
});

describe('a read of a stream', () => {
  const faults: readonly FaultKind[] = FAULTS.read;

  it.each(faults)('that meets "%s" comes to everything, once and in order', async (kind) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const events = newEvents(50);
    await store.append('a', -1n, events);
    server.faults.next('read', kind, { after: 7, times: 3 });
    expect(ids(await collect(store.read('a')))).toEqual(ids(events));
  });
});

const TRUNCATED = { name: 'LogTruncated' };

describe('a revision that is missing', () => {
  const hidden: readonly [string, (server: EsdbServer) => void][] = [
    ['$tb', (server) => server.truncate('gatehouse-a', 1)],
    ['$maxCount', (server) => server.log.setMetadata('gatehouse-a', { $maxCount: 2 })],
    ['$maxAge', (server) => server.log.setMetadata('gatehouse-a', { $maxAge: 0 })],
    ['a soft delete', (server) => server.log.softDelete('gatehouse-a')],
    ['a tombstone', (server) => server.log.tombstone('gatehouse-a')],
  ];

  it.each(hidden)('by %s stops that stream, and no other', async (_, hide) => {
    const { server } = await bench.server();
    const warm = await bench.store(server.connectionString);
    await warm.append('a', -1n, newEvents(3));
    await warm.append('b', -1n, newEvents(3));
    const seen: string[] = [];
    const following = (async () => {
      for await (const { id } of follow(warm)) seen.push(id);
    })();
    while (seen.length < 6) await sleep(5);
    await sleep(5);
    hide(server);
    // The follower passes by what was done, and with it what comes next.
    await warm.append('b', 2n, [newEvent()]);
    while (seen.length < 7) await sleep(5);
    for (const store of [warm, await bench.store(server.connectionString)]) {
      for (const from of store === warm ? [0n, 3n] : [0n])
        await expect(collect(store.read('a', from))).rejects.toMatchObject(TRUNCATED);
      for (const expected of [-1n, 1n, 2n])
        await expect(store.append('a', expected, [newEvent()])).rejects.toMatchObject(TRUNCATED);
      const { length } = await collect(store.read('b'));
      await store.append('b', BigInt(length - 1), [newEvent()]);
    }
    expect(
      server.events().filter(({ stream, type }) => stream === 'gatehouse-a' && type[0] !== '$'),
    ).toHaveLength(3);
    stop.abort();
    await following;
  });

  it('ends whoever follows that stream by itself', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    await store.append('a', -1n, newEvents(3));
    server.truncate('gatehouse-a', 2);
    await expect(
      take(store.readAll(0n, { follow: true, signal: stop.signal, stream: 'a' }), 1),
    ).rejects.toMatchObject(TRUNCATED);
  });

  it('is not missing where metadata hide nothing yet', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    await store.append('a', -1n, newEvents(2));
    server.log.setMetadata('gatehouse-a', { $maxCount: 4 });
    const following = take(follow(store), 4);
    await store.append('a', 1n, newEvents(2));
    await following;
    expect(await collect(store.read('a', 2n))).toHaveLength(2);
    await store.append('a', 3n, [newEvent()]);
    await expect(store.append('a', 4n, [newEvent()])).rejects.toMatchObject(TRUNCATED);
  });
});
