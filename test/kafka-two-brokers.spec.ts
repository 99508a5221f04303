import { randomInt, randomUUID } from 'node:crypto';
import { collect, MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { follow } from '@gatehouse/eventsourcing';
import {
  type Checkpoints,
  type KafkaLog,
  type Message,
  Relay,
  type RelayCheckpoint,
} from '@gatehouse/messaging';
import { kafkaClient, KafkaPublisher } from '@gatehouse/messaging/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { faultsOf } from '../libs/messaging/src/testing/message-contract';
import { authorOf } from './kafka/author';
import { scaled } from './support/scale';
import { TwoBrokers } from './kafka/wire/two-brokers';

const TOPICS = ['gh.lifecycle.v1', 'gh.data-science.v1', 'gh.engineering.v1', 'gh.product.v1'];
const silent: KafkaLog = { log: () => undefined };

/** As the relay sends: some keys, so that both brokers have work. */
const messages = (count: number): Message[] =>
  Array.from({ length: count }, (_, n) => ({
    topic: TOPICS[n % TOPICS.length]!,
    key: `acme/model-${n % 10}`,
    headers: { ce_id: randomUUID() },
    value: Buffer.from('{}'),
  }));

describe('two brokers, and partitions that move from one to the other in the middle of a send', () => {
  let cluster: TwoBrokers;
  let publisher: KafkaPublisher;

  beforeEach(async () => {
    cluster = await TwoBrokers.start(TOPICS, 4);
    publisher = new KafkaPublisher(
      kafkaClient({ brokers: cluster.addresses, clientId: 'test', tls: false }, silent),
    );
  });
  afterEach(async () => {
    await publisher.close();
    await cluster.stop();
  });

  const idsHeld = () => new Set(TOPICS.flatMap((topic) => cluster.held(topic).flat()).map(({ id }) => id));
  const missing = (sent: readonly Message[]) => {
    const held = idsHeld();
    return sent.filter(({ headers }) => !held.has(headers['ce_id']!));
  };

  /** Broker 1 has answered when broker 2 says that it leads nothing any more: broker 1 does. */
  const moveOnce = () => {
    let moved = false;
    cluster.onProduce = (at, moving) => {
      if (at === 2 && !moved) {
        moved = true;
        moving.moveAllFrom(2);
      }
      return 'answer';
    };
  };

  it('make kafkajs by itself lose messages and report success: the trap is real', async () => {
    const kafka = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    moveOnce();
    const sent = messages(40);
    const topicMessages = TOPICS.map((topic) => ({
      topic,
      messages: sent.filter((message) => message.topic === topic).map((one) => ({ ...one })),
    }));
    await producer.sendBatch({ acks: -1, topicMessages });
    await producer.disconnect();
    expect(missing(sent).length).toBeGreaterThan(0);
  });

  it('make our publisher reject what it could not deliver, and deliver it the next time', async () => {
    moveOnce();
    const sent = messages(40);
    await expect(publisher.publish(sent)).rejects.toThrow();
    expect(missing(sent).length).toBeGreaterThan(0);
    await publisher.publish(sent);
    expect(missing(sent)).toEqual([]);
  });

  it('lose nothing that our publisher has acknowledged, whenever they move, hang up or lose an answer', async () => {
    let failures = 0;
    for (let n = 0; n < scaled(150); n++) {
      const sent = messages(randomInt(1, 20));
      trouble(cluster);
      await publisher.publish(sent).then(
        () => expect(missing(sent)).toEqual([]),
        () => failures++,
      );
    }
    expect(failures).toBeGreaterThan(0);
  }, 120_000);

  it('never see a checkpoint of the relay beyond what they hold, and get every event in order', async () => {
    const store = new MemoryEventStore();
    await authorOf(store)(scaled(1_000));
    trouble(cluster);
    const told = await collect(store.readAll(0n, { follow: false, signal: new AbortController().signal }));
    const order = told.map(({ id }) => id);
    let saved: RelayCheckpoint | null = null;
    const checkpoints: Checkpoints = {
      newest: async () => saved,
      anythingDelivered: async () => idsHeld().size > 0,
      save: async (checkpoint) => {
        const held = idsHeld();
        const covered = told.filter(({ position }) => position <= checkpoint.position);
        expect(covered.filter(({ id }) => !held.has(id))).toEqual([]);
        saved = checkpoint;
      },
    };
    const leaving = new AbortController();
    const { signal } = leaving;
    const sizes = { maxRecordBytes: 800_000, maxSendBytes: 20_000 };
    const relay = new Relay({ store, publisher, checkpoints, owner: 'me', signal, prefix: 'gh', ...sizes });
    await new Promise<void>((caughtUp, stopped) => {
      follow(store, relay, {
        signal,
        batch: 50,
        retryMs: { first: 1, longest: 5 },
        onError: (error, willRetry) => willRetry || stopped(error),
        onProgress: ({ position }) => position === told.at(-1)!.position && caughtUp(),
      });
    });
    leaving.abort();
    for (const partition of cluster.held('gh.lifecycle.v1')) inOrder(partition, order);
    const sent = TOPICS.flatMap((topic) =>
      cluster
        .held(topic)
        .flat()
        .map((record) => ({ ...record, topic })),
    );
    expect(await faultsOf(sent, 'gh')).toEqual([]);
    const lifecycle = new Set(
      cluster
        .held('gh.lifecycle.v1')
        .flat()
        .map(({ id }) => id),
    );
    expect(order.filter((id) => !lifecycle.has(id))).toEqual([]);
  }, 120_000);
});

/** One request in four meets some trouble. */
function trouble(cluster: TwoBrokers): void {
  cluster.onProduce = (at, moving) => {
    switch (randomInt(16)) {
      case 0:
        moving.moveAllFrom(at);
        return 'answer';
      case 1:
        moving.moveOne(randomInt(100));
        return 'answer';
      case 2:
        return 'lose-answer';
      case 3:
        return 'hang-up';
      default:
        return 'answer';
    }
  };
}

/** What each key gets first is in the order of the log; what it gets again, it has had. */
function inOrder(partition: readonly { key: string; id: string }[], order: readonly string[]): void {
  const placeOf = new Map(order.map((id, place) => [id, place]));
  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const { key, id } of partition) {
    if (seen.has(id)) continue;
    seen.add(id);
    const place = placeOf.get(id)!;
    expect(place).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, place);
  }
}
