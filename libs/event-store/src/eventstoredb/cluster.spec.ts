import { ids, newEvents, take } from '@gatehouse/eventsourcing/testing';
import { Bench } from './testing/spec-tools';

const bench = new Bench();
afterEach(() => bench.clear());

const options = { giveUpMs: 10_000 };

describe('a cluster', () => {
  it('whose leader changes is written to and followed without a gap', async () => {
    const { cluster } = await bench.cluster(3);
    const store = await bench.store(cluster.connectionString, options);
    const stop = new AbortController();
    const events = newEvents(12);
    const following = take(store.readAll(0n, { follow: true, signal: stop.signal }), 12);
    for (const [n, event] of events.entries()) {
      // The node that led stays, and says who leads now.
      if (n > 0 && n % 3 === 0) cluster.lead((n / 3) % 3);
      await expect(store.append('a', BigInt(n) - 1n, [event])).resolves.toMatchObject({
        revision: BigInt(n),
      });
    }
    expect(ids(await following)).toEqual(ids(events));
    stop.abort();
  });

  it('whose leader dies in the middle of an append goes on with another, and the event is there once', async () => {
    const { cluster } = await bench.cluster(3);
    const store = await bench.store(cluster.connectionString, options);
    const [first, ...rest] = newEvents(4);
    await store.append('a', -1n, [first!]);
    cluster.leader.faults.next('append', 'reset-after-commit');
    const appending = store.append('a', 0n, rest);
    while (cluster.log.stream('gatehouse-a')!.events.length < 4) await new Promise(setImmediate);
    const died = cluster.leader;
    cluster.lead(1);
    await died.stop();
    await expect(appending).resolves.toMatchObject({ revision: 3n });
    expect(cluster.log.stream('gatehouse-a')!.events).toHaveLength(4);
  });

  it('of which the connection string names one node that does not lead: the answer has the address', async () => {
    const { cluster } = await bench.cluster(2);
    cluster.lead(1);
    const store = await bench.store(cluster.nodes[0]!.connectionString, options);
    await expect(store.append('a', -1n, newEvents(2))).resolves.toMatchObject({ revision: 1n });
    // Not by way of the first node.
    await cluster.nodes[0]!.stop();
    await expect(store.append('a', 1n, newEvents(1))).resolves.toMatchObject({ revision: 2n });
  });
});
