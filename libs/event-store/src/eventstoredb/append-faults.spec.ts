import { setTimeout as sleep } from 'node:timers/promises';
import { EventIdReused, OutcomeUnknown, StoreUnavailable, WrongRevision } from '@gatehouse/eventsourcing';
import { collect, ids, newEvent, newEvents } from '@gatehouse/eventsourcing/testing';
import type { EventStoreDbEventStore } from './eventstoredb-event-store';
import type { EsdbServer, FaultKind } from './testing';
import { Bench } from './testing/spec-tools';

const bench = new Bench();
afterEach(() => bench.clear());

const AFTER_COMMIT: readonly FaultKind[] = [
  'lost-answer',
  'deadline-after-commit',
  'hang-after-commit',
  'reset-after-commit',
];
const BEFORE_COMMIT: readonly FaultKind[] = [
  'unavailable',
  'busy',
  'deadline',
  'not-leader',
  'hang',
  'reset',
];
const FOR_EVER = { times: 1_000_000 };

/** The log's own events of a stream, whatever the adapter says. */
const there = (server: EsdbServer, stream: string) => server.log.stream(`gatehouse-${stream}`)?.events ?? [];

describe('an append whose answer is lost', () => {
  describe.each(AFTER_COMMIT)('after the commit, as %s', (kind) => {
    it.each([-1n, 1n])('at revision %s is read back, acknowledged, and not sent again', async (expected) => {
      const { server } = await bench.server();
      const store = await bench.store(server.connectionString);
      if (expected >= 0n) await store.append('a', -1n, newEvents(2));
      const events = newEvents(3);
      server.faults.next('append', kind);
      // Whatever is sent after that is refused: only reading back can tell.
      server.faults.next('append', 'unavailable', FOR_EVER);
      const appended = await store.append('a', expected, events);
      const last = there(server, 'a').at(-1)!;
      expect(appended).toEqual({ revision: expected + 3n, position: BigInt(last.position) });
      server.faults.clear();
      expect(ids(await collect(store.read('a', expected + 1n)))).toEqual(ids(events));
      expect(server.faults.counts()).toEqual({ [`append ${kind}`]: 1 });
    });
  });

  it.each(BEFORE_COMMIT)('before the commit, as %s, is sent again and there once', async (kind) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    server.faults.next('append', kind, { times: 2 });
    await expect(store.append('a', -1n, newEvents(2))).resolves.toMatchObject({ revision: 1n });
    expect(there(server, 'a')).toHaveLength(2);
    expect(server.faults.counts()).toEqual({ [`append ${kind}`]: 2 });
  });

  it('is found where it is, when others have appended behind it meanwhile', async () => {
    const { server } = await bench.server();
    const [store, other] = [
      await bench.store(server.connectionString),
      await bench.store(server.connectionString),
    ];
    server.faults.next('append', 'hang-after-commit');
    const appending = store.append('a', -1n, [newEvent()]);
    while (there(server, 'a').length === 0) await new Promise(setImmediate);
    await other.append('a', 0n, newEvents(3));
    await expect(appending).resolves.toEqual({
      revision: 0n,
      position: BigInt(there(server, 'a')[0]!.position),
    });
    await expect(store.append('a', 3n, [newEvent()])).resolves.toMatchObject({ revision: 4n });
  });

  it('is a lost race, when it never came and others have taken its place', async () => {
    const { server } = await bench.server();
    const [store, other] = [
      await bench.store(server.connectionString),
      await bench.store(server.connectionString),
    ];
    server.faults.next('append', 'hang');
    const appending = store.append('a', -1n, [newEvent()]);
    while (server.faults.counts()['append hang'] === undefined) await new Promise(setImmediate);
    await other.append('a', -1n, [newEvent()]);
    await expect(appending).rejects.toThrow(WrongRevision);
    expect(there(server, 'a')).toHaveLength(1);
  });
});

describe('whether the log takes writes', () => {
  const settled = async (store: EventStoreDbEventStore, writable: boolean) => {
    const until = performance.now() + 20_000;
    while (store.stats().writable !== writable && performance.now() < until) await sleep(20);
    return store.stats();
  };

  it('is known though nobody writes, and again when the server is back', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    const size = server.events().length;
    await store.check();
    expect(store.stats()).toMatchObject({ writable: true, reason: '', silentMs: 0 });
    await server.stop();
    await sleep(1_000);
    await store.check();
    // Two seconds without an answer leave what was known: on a busy machine it is known a moment later.
    expect(await settled(store, false)).toMatchObject({ writable: false });
    expect(store.stats().reason).toMatch(/EventStoreDB does not answer/);
    await sleep(50);
    expect(store.stats().silentMs).toBeGreaterThan(40);
    await server.start();
    expect(await settled(store, true)).toMatchObject({ reason: '', silentMs: 0 });
    expect(server.events()).toHaveLength(size);
  });

  it.each(['unavailable', 'hang', 'not-leader'] as const)(
    'is told of a log that meets every append with "%s" and answers reads: it is not silent',
    async (kind) => {
      const { server } = await bench.server();
      const store = await bench.store(server.connectionString);
      server.faults.next('append', kind, { times: 1_000 });
      await store.check();
      expect(await settled(store, false)).toMatchObject({ writable: false, silentMs: 0 });
      expect(store.stats().reason).toMatch(/answers reads and takes no writes/);
      await sleep(1_500);
      expect(store.stats()).toMatchObject({ writable: false, silentMs: 0 });
      server.faults.clear();
      expect(await settled(store, true)).toMatchObject({ reason: '', silentMs: 0 });
    },
  );

  it('is not asked for longer than 2 s: what was known stands until there is an answer', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, { timeoutMs: 7_000 });
    server.faults.next('append', 'hang', { times: 1_000 });
    const since = performance.now();
    await store.check();
    expect(performance.now() - since).toBeLessThan(6_500);
    expect(store.stats()).toMatchObject({ writable: true, silentMs: 0 });
    expect(await settled(store, false)).toMatchObject({ writable: false, silentMs: 0 });
  });

  it('is not said of the log for what is wrong with one stream', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    server.inject('gatehouse-a', [{ type: 'foreign', data: {} }]);
    await expect(store.append('a', 0n, [newEvent()])).rejects.toThrow(StoreUnavailable);
    expect(await settled(store, true)).toMatchObject({ writable: true });
  });

  it('is over with the right to write, and says so', async () => {
    const users = { ours: { password: 'secret', readAll: true } };
    const { server } = await bench.server({ tls: true, users });
    const store = await bench.store(server.connectionStringOf('ours:secret'));
    const $userStreamAcl = { $r: 'ours', $w: '$admins', $d: '$admins', $mr: 'ours', $mw: '$admins' };
    server.inject('$settings', [{ type: '$settings', data: { $userStreamAcl } }]);
    await store.check();
    expect(store.stats()).toMatchObject({ writable: false, silentMs: 0 });
    expect(store.stats().reason).toMatch(/takes no writes of this user/);
  });
});

describe('what stays unknown', () => {
  const UNSURE = { giveUpMs: 300 };

  it('is OutcomeUnknown: committed, and it cannot be read back; the same again finds it', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, UNSURE);
    const event = newEvent();
    server.faults.next('append', 'lost-answer');
    await store.append('warm', -1n, [newEvent()]).catch(() => undefined);
    server.faults.next('append', 'lost-answer');
    const appending = store.append('warm', 0n, [event]);
    server.faults.next('read', 'unavailable', FOR_EVER);
    await expect(appending).rejects.toThrow(OutcomeUnknown);
    expect(store.stats()).toMatchObject({ writable: false });
    server.faults.clear();
    await expect(store.append('warm', 0n, [event])).resolves.toMatchObject({ revision: 1n });
    expect(there(server, 'warm')).toHaveLength(2);
    expect(store.stats()).toMatchObject({ writable: true });
  });

  it('is OutcomeUnknown: sent again and again, and never an answer', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, UNSURE);
    server.faults.next('append', 'unavailable', FOR_EVER);
    await expect(store.append('a', -1n, [newEvent()])).rejects.toThrow(OutcomeUnknown);
  });

  it.each(['read', 'gone'])('is never said of what was not sent: %s', async (how) => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString, UNSURE);
    if (how === 'read') server.faults.next('read', 'unavailable', FOR_EVER);
    else await server.stop();
    await expect(store.append('a', -1n, [newEvent()])).rejects.toThrow(StoreUnavailable);
    expect(there(server, 'a')).toHaveLength(0);
  });

  it('is never said of what the server refuses', async () => {
    const { server } = await bench.server({ maxAppendSize: 1_000 });
    const store = await bench.store(server.connectionString, UNSURE);
    const large = newEvent({ text: 'x'.repeat(2_000) });
    await expect(store.append('a', -1n, [large])).rejects.toThrow(/MaxAppendSize/);
  });

  it.each([true, false])(
    'with other content under the same id is an error; same process: %s',
    async (same) => {
      const { server } = await bench.server();
      const store = await bench.store(server.connectionString, UNSURE);
      const event = newEvent({ n: 1 });
      await store.append('a', -1n, [newEvent()]);
      server.faults.next('append', 'lost-answer');
      server.faults.next('read', 'unavailable', FOR_EVER);
      await expect(store.append('a', 0n, [event])).rejects.toThrow(OutcomeUnknown);
      server.faults.clear();
      const asked = same ? store : await bench.store(server.connectionString);
      const changed = { ...event, data: { n: 2 } };
      for (const expected of [0n, 1n])
        await expect(asked.append('a', expected, [changed])).rejects.toThrow(EventIdReused);
      await expect(asked.append('a', 0n, [{ ...event, meta: { schema: 2 } }])).rejects.toThrow(EventIdReused);
      await expect(asked.append('a', 0n, [event])).resolves.toMatchObject({ revision: 1n });
      expect(there(server, 'a')).toHaveLength(2);
    },
  );
});

it('of 180 appends with a fault in every tenth call each is there once, and in order', async () => {
  const { server } = await bench.server();
  const options = { timeoutMs: 150, giveUpMs: 1_500 };
  const stores = [
    await bench.store(server.connectionString, options),
    await bench.store(server.connectionString, options),
  ];
  server.faults.atRandom({ rate: 0.1, seed: 7, calls: ['append', 'read'] });
  const streams = Array.from({ length: 30 }, (_, n) => `s${n}`);
  await Promise.all(
    streams.map(async (stream, n) => {
      for (let next = 0n; next < 6n; next++) {
        const event = newEvent({ n: Number(next) });
        // As the transactor does: the same id again for as long as it is not known.
        while (!(await acknowledged(stores[n % 2]!.append(stream, next - 1n, [event])))) continue;
      }
    }),
  );
  expect(Object.keys(server.faults.counts()).length).toBeGreaterThan(8);
  for (const stream of streams) {
    const found = there(server, stream).map(
      ({ data }) => JSON.parse(Buffer.from(data).toString()) as { n: number },
    );
    expect(found.map(({ n }) => n)).toEqual(Array.from({ length: 6 }, (_, n) => n));
  }
});

async function acknowledged(append: Promise<unknown>): Promise<boolean> {
  try {
    await append;
    return true;
  } catch (error) {
    if (error instanceof OutcomeUnknown || error instanceof StoreUnavailable) return false;
    throw error;
  }
}
