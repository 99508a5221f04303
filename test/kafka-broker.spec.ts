import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { type Broker, startBroker } from './kafka/broker';
import { sharedBroker } from './kafka/shared-broker';

const topic = `broker-${randomUUID()}`;

describe('the broker of the tests', () => {
  let broker: Broker;
  let admin: Admin;
  let producer: Producer;

  beforeAll(async () => {
    broker = await startBroker();
    const kafka = new Kafka({
      brokers: [broker.address],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, retries: 8 },
    });
    [admin, producer] = [kafka.admin(), kafka.producer()];
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
    await held();
  }, 300_000);
  afterAll(async () => {
    await Promise.all([admin?.disconnect(), producer?.disconnect()]);
    await broker?.stop();
  });

  const send = () => producer.send({ topic, acks: -1, messages: [{ value: 'x' }] });
  /** A partition has no leader for a moment after its topic was made, and after a restart. */
  const held = async (): Promise<string> => {
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      const offsets = await admin.fetchTopicOffsets(topic).catch((error: unknown) => error);
      if (Array.isArray(offsets)) return (offsets as { high: string }[])[0]!.high;
      if (Date.now() > end) throw offsets;
    }
  };

  it('keeps what it acknowledged when it is killed and comes back', async () => {
    await send();
    await broker.kill();
    await broker.restart();
    expect(await held()).toBe('1');
  }, 180_000);

  it('answers nobody while it is paused, and everybody afterwards', async () => {
    broker.pause();
    let answered = false;
    const sending = send().then(() => (answered = true));
    await sleep(500);
    expect(answered).toBe(false);
    broker.resume();
    await sending;
    expect(await held()).toBe('2');
  });

  it('makes no topic that nobody asked for', async () => {
    await expect(admin.fetchTopicOffsets(`${topic}-other`)).rejects.toThrow();
    expect(await admin.listTopics()).toEqual([topic]);
  });

  it('is one for all who only want to talk to one', async () => {
    const [first, second] = [await sharedBroker(), await sharedBroker()];
    expect(second).toEqual(first);
  }, 300_000);
});
