import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import type { KafkaLog } from '@gatehouse/messaging';
import { KafkaRelay } from '@gatehouse/messaging/kafka';
import { authorOf } from './kafka/author';
import { type Broker, startBroker } from './kafka/broker';
import { reconcile } from './kafka/reconcile';
import { scaled } from './support/scale';

const KILLS = scaled(2);
const PAUSE_SECONDS = scaled(30);
/** Of one topic in one send: small, so that a stream is many sends. */
const MAX_BATCH_BYTES = 40_000;
/** The shortest record of `lifecycle` is larger. */
const MOST_IN_A_SEND = MAX_BATCH_BYTES / 500;
/** The pause of the relay doubles while it fails, and a client has its own. */
const CATCHES_UP_WITHIN_MS = 240_000;

const silent: KafkaLog = { log: () => undefined };

describe('a relay whose broker', () => {
  let broker: Broker;
  let store: MemoryEventStore;
  let write: ReturnType<typeof authorOf>;
  let prefix: string;
  let relay: KafkaRelay;

  beforeAll(async () => (broker = await startBroker()), 300_000);
  afterAll(() => broker?.stop());
  beforeEach(() => {
    store = new MemoryEventStore();
    write = authorOf(store);
    prefix = `gh-${randomUUID()}`;
  });
  afterEach(() => relay.stop());

  const start = () =>
    new KafkaRelay({
      kafka: { brokers: [broker.address], clientId: 'relay-spec', tls: false },
      topics: { prefix, partitions: 3, replication: 1 },
      maxBatchBytes: MAX_BATCH_BYTES,
      store,
      log: silent,
      relays: true,
    });

  const caughtUp = async () => {
    const until = Date.now() + CATCHES_UP_WITHIN_MS;
    for (;;) {
      const status = await relay.status();
      if (status.channels.every(({ state }) => state === 'live')) return;
      if (Date.now() > until) throw new Error(`the relay never caught up: ${JSON.stringify(status, asText)}`);
      await sleep(50);
    }
  };

  /** Writes on and on, a little at a time, until the work is done. */
  const whileWriting = async (work: () => Promise<void>) => {
    let done = false;
    const writing = (async () => {
      for (; !done; await sleep(20)) await write(4);
    })();
    try {
      await work();
    } finally {
      done = true;
      await writing;
    }
  };

  const nothingIsMissing = async (mostDuplicates: number) => {
    await caughtUp();
    const { missing, disorder, duplicates, events } = await reconcile(store, broker.address, prefix);
    expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
    expect(events).toBeGreaterThan(0);
    for (const channel of Object.values(duplicates)) expect(channel).toBeLessThanOrEqual(mostDuplicates);
  };

  it('is away at the start delivers everything when it is there', async () => {
    await broker.kill();
    const began = performance.now();
    relay = start();
    expect(performance.now() - began).toBeLessThan(5_000);
    await write(500);
    await sleep(500);
    expect((await relay.status()).role).toBe('connecting');
    await broker.restart();
    await nothingIsMissing(0);
  }, 600_000);

  it(`is killed ${KILLS} times in mid-stream loses nothing, and repeats at most a send each time`, async () => {
    relay = start();
    await write(300);
    await caughtUp();
    await whileWriting(async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        await write(2_000);
        await sleep(randomInt(10, 150));
        await broker.kill();
        await broker.restart();
        await caughtUp();
      }
    });
    await nothingIsMissing(KILLS * MOST_IN_A_SEND);
  }, 900_000);

  it(`does not answer for ${PAUSE_SECONDS} s loses nothing, and is caught up with`, async () => {
    relay = start();
    await write(300);
    await caughtUp();
    await whileWriting(async () => {
      await write(2_000);
      await sleep(20);
      broker.pause();
      await sleep(PAUSE_SECONDS * 1_000);
      const { channels } = await relay.status();
      expect(channels.map(({ state }) => state)).not.toContain('live');
      broker.resume();
    });
    // A send that took too long is sent again, each time it does.
    await nothingIsMissing(Math.ceil(PAUSE_SECONDS / 10 + 1) * MOST_IN_A_SEND);
  }, 900_000);
});

const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
