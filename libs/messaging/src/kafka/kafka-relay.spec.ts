import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { KafkaRelay } from './kafka-relay';

/** Never says where it ends. */
class Silent extends MemoryEventStore {
  asked = 0;

  override log(): ReturnType<MemoryEventStore['log']> {
    this.asked++;
    return new Promise(() => {});
  }
}

test('the status comes in time from a log that is silent, and however many ask, it is asked once', async () => {
  const store = new Silent();
  const relay = new KafkaRelay({
    kafka: { brokers: ['127.0.0.1:1'], clientId: 'nobody', tls: false },
    topics: { prefix: 'gatehouse', partitions: 1, replication: 1 },
    maxBatchBytes: 1_000_000,
    store,
    log: { log: () => undefined },
    relays: false,
  });
  try {
    const since = performance.now();
    const [status] = await Promise.all(Array.from({ length: 20 }, () => relay.status()));
    await relay.status();
    // The log never answers.
    expect(performance.now() - since).toBeLessThan(20_000);
    expect(status).toMatchObject({ role: 'connecting' });
    expect(store.asked).toBe(1);
  } finally {
    await relay.stop();
  }
});
