import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import { type EventStore, follow } from '@gatehouse/eventsourcing';
import { type Message, type Publisher, Relay } from '@gatehouse/messaging';
import { kafkaClient, KafkaPublisher } from '@gatehouse/messaging/kafka';
import { Kafka, logLevel, Partitioners, type TopicMessages } from 'kafkajs';
import { KafkaCheckpoints } from '../../libs/messaging/src/kafka/checkpoints';
import { ensureTopics } from '../../libs/messaging/src/kafka/topics';
import { type Broker, startBroker } from '../../test/kafka/broker';
import { HttpClient } from '../../test/support/http';
import { startService } from '../../test/support/service';
import { type Bench, evaluationPlan, MODELS, withLiveModels } from '../bench';
import { median } from '../figures';
import { modelLife, seedLog } from '../seed';

const SECTION = 'relay';
const silent = { log: () => undefined };
const SIZES = { maxRecordBytes: 800_000, maxSendBytes: 800_000 };
/** As `KafkaRelay` reads. */
const BATCH = 250;
const APPENDS = 500;
const MOST_WAIT_MS = 120_000;

/** The fan-out against Apache Kafka itself, which has the same machine. */
export async function relay(bench: Bench): Promise<void> {
  const broker = await startBroker({ measured: true });
  try {
    const data = bench.newFolder();
    const life = await modelLife(bench.newFolder());
    // Ten events each.
    await seedLog(data, life, Math.max(500, bench.scale.events / 1_000));
    const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
    await throughput(bench, broker, store);
    await latency(bench, broker, store);
    await store.close();
    await outage(bench, broker);
  } finally {
    await broker.stop();
  }
}

/** Ours and raw kafkajs take turns: the same records in the same sends. Ours also reads the log, renders, and keeps a checkpoint. */
async function throughput(bench: Bench, broker: Broker, store: EventStore): Promise<void> {
  const ours: number[] = [];
  const raw: number[] = [];
  for (let round = 0; round < bench.scale.rounds + 1; round++) {
    const sends: (readonly Message[])[] = [];
    const perSecond = await relayAll(broker, store, sends);
    const baseline = await sendRaw(broker, sends, Number((await store.log()).head));
    // The first round warms up both.
    if (round === 0) continue;
    ours.push(perSecond);
    raw.push(baseline);
  }
  bench.add({
    section: SECTION,
    name: 'a log relayed to four topics',
    unit: 'events/s',
    ours: median(ours),
    baseline: { name: 'kafkajs sendBatch of the same bytes', value: median(raw) },
    aim: { atLeast: 0.5 },
  });
}

async function relayAll(broker: Broker, store: EventStore, sends: (readonly Message[])[]): Promise<number> {
  const one = await connected(broker, store, (publisher) => ({
    publish: async (messages) => {
      sends.push(messages);
      await publisher.publish(messages);
    },
    close: () => publisher.close(),
  }));
  const { head } = await store.log();
  const began = performance.now();
  const leaving = new AbortController();
  const following = follow(store, one.relay, { signal: leaving.signal, batch: BATCH });
  if (!(await following.reached(head, MOST_WAIT_MS))) throw new Error(following.status().error);
  const seconds = (performance.now() - began) / 1_000;
  leaving.abort();
  await following.done;
  await one.close();
  return Number(head) / seconds;
}

async function sendRaw(broker: Broker, sends: (readonly Message[])[], events: number): Promise<number> {
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  const prefix = await newTopics(broker);
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const batches = sends.map((messages) => topicMessages(prefix, messages));
  const began = performance.now();
  for (const batch of batches) await producer.sendBatch({ acks: -1, topicMessages: batch });
  const seconds = (performance.now() - began) / 1_000;
  await producer.disconnect();
  return events / seconds;
}

/** The same, in topics of another prefix. */
function topicMessages(prefix: string, messages: readonly Message[]): TopicMessages[] {
  const topics = [...new Set(messages.map(({ topic }) => topic))];
  return topics.map((topic) => ({
    topic: topic.replace(/^[^.]+/, prefix),
    messages: messages
      .filter((message) => message.topic === topic)
      .map(({ key, headers, value }) => ({ key, headers: { ...headers }, value })),
  }));
}

/** One event after the other, each on its own: from the append, which is durable, to the broker's word and to a consumer. */
async function latency(bench: Bench, broker: Broker, store: EventStore): Promise<void> {
  const appended = new Map<string, number>();
  const acks: number[] = [];
  const consumed: number[] = [];
  const one = await connected(broker, store, (publisher) => ({
    publish: async (messages) => {
      await publisher.publish(messages);
      const now = performance.now();
      for (const { topic, headers } of messages)
        if (topic.endsWith('.lifecycle.v1')) note(acks, appended, headers['ce_id']!, now);
    },
    close: () => publisher.close(),
  }));
  const leaving = new AbortController();
  const following = follow(store, one.relay, { signal: leaving.signal, batch: BATCH });
  await following.reached((await store.log()).head, MOST_WAIT_MS);
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic: `${one.prefix}.lifecycle.v1`, fromBeginning: false });
  const joined = new Promise((resolve) => consumer.on(consumer.events.FETCH_START, resolve));
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message: { headers } }) =>
      note(consumed, appended, String(headers!['ce_id']), performance.now()),
  });
  await joined;
  // Where a group begins without an offset is asked when it fetches first.
  await sleep(1_000);
  await appendOneByOne(store, appended);
  await following.reached((await store.log()).head, MOST_WAIT_MS);
  for (let waited = 0; consumed.length < APPENDS && waited < 5_000; waited += 50) await sleep(50);
  leaving.abort();
  await Promise.all([following.done, consumer.disconnect()]);
  await one.close();
  addLatency(bench, 'append to broker ack', acks, { atMost: 50 });
  addLatency(bench, 'append to consumer', consumed);
}

function note(found: number[], appended: ReadonlyMap<string, number>, id: string, now: number): void {
  const at = appended.get(id);
  if (at !== undefined) found.push(now - at);
}

function addLatency(bench: Bench, name: string, found: number[], aim?: { atMost: number }): void {
  if (found.length !== APPENDS) throw new Error(`${name}: ${found.length} of ${APPENDS} arrived`);
  found.sort((a, b) => a - b);
  const at = (share: number) => found[Math.floor(found.length * share)]!;
  bench.add({ section: SECTION, name: `${name}, p50`, unit: 'ms', ours: at(0.5) });
  bench.add({ section: SECTION, name: `${name}, p99`, unit: 'ms', ours: at(0.99), aim });
}

/** Models like those that are there, whose first event says all that is needed. */
async function appendOneByOne(store: EventStore, appended: Map<string, number>): Promise<void> {
  const [pattern] = await firstEvents(store);
  for (let n = 0; n < APPENDS; n++) {
    const id = randomUUID();
    const model = `late-${n}`;
    const { type, data, meta } = pattern!;
    await store.append(`model-default.${model}`, -1n, [{ id, type, data, meta: { ...meta, id, model } }]);
    appended.set(id, performance.now());
    await sleep(4);
  }
}

async function firstEvents(store: EventStore) {
  for await (const event of store.readAll(0n, { follow: false, signal: new AbortController().signal }))
    return [event];
  return [];
}

/** Commands while the broker is up and while it is down; then what was written meanwhile is caught up with. */
async function outage(bench: Bench, broker: Broker): Promise<void> {
  const service = await startService({
    GATEHOUSE_DATA: bench.newFolder(),
    GATEHOUSE_KAFKA: broker.address,
    GATEHOUSE_KAFKA_PREFIX: `bench-${randomUUID()}`,
  });
  const http = new HttpClient(service.http);
  try {
    await withLiveModels(http, MODELS);
    await untilDelivered(http);
    const plan = await evaluationPlan(service.http, MODELS);
    const [up] = await bench.compare([plan], 16);
    await untilDelivered(http);
    await broker.kill();
    const [down] = await bench.compare([plan], 16);
    bench.add({
      section: SECTION,
      name: 'a command of 16 clients with the broker down, p99',
      unit: 'ms',
      ours: down!.p99,
      baseline: { name: 'with the broker up', value: up!.p99 },
      aim: { atMost: 1.2 },
    });
    await broker.restart();
    bench.add({
      section: SECTION,
      name: 'caught up with after that',
      unit: 'events/s',
      ours: await untilDelivered(http),
    });
  } finally {
    http.close();
    await service.stop();
  }
}

type Channels = { channels: { state: string; position: string | null }[] };

/** Waits until every channel has all of the log; answers the events a second from the first that moved. */
async function untilDelivered(http: HttpClient): Promise<number> {
  let began: { at: number; position: number } | undefined;
  let before = NaN;
  for (const end = performance.now() + MOST_WAIT_MS; performance.now() < end; await sleep(20)) {
    const { channels } = (await http.get<Channels>('/v1/channels')).body;
    const position = Math.min(...channels.map((channel) => Number(channel.position ?? NaN)));
    if (position > before) began ??= { at: performance.now(), position: before };
    before = position;
    if (!channels.every(({ state }) => state === 'live')) continue;
    return began ? (position - began.position) / ((performance.now() - began.at) / 1_000) : 0;
  }
  throw new Error('the channels never caught up');
}

/** A relay of its own on topics of its own. */
async function connected(broker: Broker, store: EventStore, through: (publisher: Publisher) => Publisher) {
  const prefix = await newTopics(broker);
  const client = kafkaClient({ brokers: [broker.address], clientId: 'bench', tls: false }, silent);
  const publisher = new KafkaPublisher(client);
  const checkpoints = new KafkaCheckpoints(client, prefix, publisher);
  const relay = new Relay({
    store,
    publisher: through(publisher),
    checkpoints,
    owner: randomUUID(),
    prefix,
    ...SIZES,
  });
  const close = () => Promise.all([publisher.close(), checkpoints.close()]);
  return { relay, prefix, close };
}

async function newTopics(broker: Broker): Promise<string> {
  const prefix = `bench-${randomUUID()}`;
  const client = kafkaClient({ brokers: [broker.address], clientId: 'bench', tls: false }, silent);
  await ensureTopics(client, { prefix, partitions: 6, replication: 1 }, silent);
  return prefix;
}
