import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, decode } from '@gatehouse/domain';
import { MemoryEventStore, toHead } from '@gatehouse/eventsourcing/testing';
import { type Message, topicOf } from '@gatehouse/messaging';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { consume, type Consuming } from '../examples/consumers/channel';
import { product } from '../examples/consumers/product';
import { messagesOf } from '../libs/messaging/src/messages/messages';
import { PointedAt } from '../libs/messaging/src/pointed-at';
import { faultsOf } from '../libs/messaging/src/testing/message-contract';
import { approve, evaluate, Lives, PEOPLE, register } from '../libs/projections/src/testing/lives';
import { sharedBroker } from './kafka/shared-broker';

const WITHIN_MS = 20_000;
const [ROSA, BOB] = PEOPLE;

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-consumers-'));
let kafka: Kafka;
let address: string;
let producer: Producer;
const open: Consuming[] = [];

beforeAll(async () => {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  ({ address } = await sharedBroker());
  kafka = new Kafka({ clientId: 'consumers-spec', brokers: [address], logLevel: logLevel.NOTHING });
  producer = kafka.producer();
  await producer.connect();
}, 120_000);
afterEach(async () => {
  await Promise.all(open.splice(0).map((consuming) => consuming.stop()));
});
afterAll(async () => {
  await producer.disconnect();
  rmSync(folder, { recursive: true, force: true });
});

/** A channel of its own, with a topic in two partitions. */
async function channel() {
  const prefix = `spec-${randomUUID().slice(0, 8)}`;
  const topic = topicOf(prefix, 'product');
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
  await admin.disconnect();
  const told: string[] = [];
  const start = async () => {
    const consuming = await consume(
      { name: 'product', brokers: [address], prefix, folder: join(folder, prefix) },
      product,
      (lines) => told.push(lines[0]!, ...lines.filter((line) => line.includes('curl'))),
    );
    open.push(consuming);
    return consuming;
  };
  const send = async (...messages: Message[]) => {
    expect(await faultsOf(messages, prefix)).toEqual([]);
    const records = messages.map(({ key, headers, value }) => ({ key, headers: { ...headers }, value }));
    await producer.send({ topic, acks: -1, messages: records });
  };
  return { prefix, topic, told, start, send };
}

const moves: readonly [Command, (typeof PEOPLE)[number]?][] = [
  ...releaseOf(1),
  ...releaseOf(2),
  [{ verb: 'rollBack', data: { from: 2, reason: 'drift' } }, BOB],
  ...releaseOf(3),
];

function releaseOf(version: number): [Command, (typeof PEOPLE)[number]?][] {
  const promote: Command = { verb: 'promote', data: { version } };
  return [[register(`seed ${version}`)], [evaluate(version, 90)], [approve(version), ROSA], [promote, BOB]];
}

/** What product hears of a model, as the relay sends it: 1 goes live, 2 goes live, back to 1, 3 goes live. */
async function life(prefix: string, model: string, { log = 1, maxRecordBytes = 800_000 } = {}) {
  const store = new MemoryEventStore();
  const lives = new Lives(store);
  // So that events of the next log have other ids.
  for (let i = 1; i < log; i++) await lives.issue('t', 'other', register(`log ${i}`));
  for (const [command, actor] of moves) expect(await lives.issue('t', model, command, actor)).not.toBeNull();
  const pointedAt = new PointedAt(store);
  const messages: Message[] = [];
  for (const event of await toHead(store)) {
    const fact = decode(event);
    const told = await pointedAt.toldOf(event.stream, fact);
    const source = { fact, stream: event.stream, logId: `log-${log}` };
    messages.push(...messagesOf(source, told, { prefix, publicUrl: 'http://x', maxRecordBytes }));
  }
  const [first, second, back, third] = messages.filter(({ topic }) => topic === topicOf(prefix, 'product'));
  return { first: first!, second: second!, back: back!, third: third! };
}
const ONE = (model: string) => `${model}: version 1 is live.`;
const TWO = (model: string) => `${model}: version 2 is live, in place of version 1.`;
const THREE = (model: string) => `${model}: version 3 is live, in place of version 1.`;

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + WITHIN_MS;
  while (!what() && Date.now() < deadline) await sleep(20);
}
const seen = (consuming: Consuming) => {
  const { told, duplicates, late } = consuming.counts();
  return told + duplicates + late;
};

describe('a consumer', () => {
  it('tells each event once and in order, whatever is sent again', async () => {
    const { prefix, told, start, send } = await channel();
    const { first, second, back, third } = await life(prefix, 'm');
    const other = await life(prefix, 'n');
    await send(first, second, first, second, third, back, other.first);
    const consuming = await start();
    await until(() => seen(consuming) === 7);
    expect(told.filter((line) => line.startsWith('m'))).toEqual([ONE('m'), TWO('m'), THREE('m')]);
    expect(told).toContain(ONE('n'));
    expect(consuming.counts()).toEqual({ told: 4, duplicates: 2, late: 1 });
  }, 60_000);

  it('goes on where it was when it is started again', async () => {
    const { prefix, told, start, send } = await channel();
    const { first, second } = await life(prefix, 'm');
    await send(first);
    const before = await start();
    await until(() => seen(before) === 1);
    await open.pop()!.stop();
    await send(second);
    const after = await start();
    await until(() => seen(after) === 1);
    expect(told).toEqual([ONE('m'), TWO('m')]);
    expect(after.counts()).toEqual({ told: 1, duplicates: 0, late: 0 });
  }, 60_000);

  it('tells nothing twice where its group has forgotten how far it was', async () => {
    const { prefix, topic, told, start, send } = await channel();
    const { first, second } = await life(prefix, 'm');
    await send(first, second);
    const before = await start();
    await until(() => seen(before) === 2);
    await open.pop()!.stop();
    const admin = kafka.admin();
    await admin.connect();
    await admin.resetOffsets({ groupId: `${prefix}-example-product`, topic, earliest: true });
    await admin.disconnect();
    const after = await start();
    await until(() => seen(after) === 2);
    expect(after.counts()).toEqual({ told: 0, duplicates: 2, late: 0 });
    expect(told).toEqual([ONE('m'), TWO('m')]);
  }, 60_000);

  it('tells what another log says, although its revisions begin again', async () => {
    const { prefix, told, start, send } = await channel();
    const restored = await life(prefix, 'm', { log: 2 });
    await send((await life(prefix, 'm')).second, restored.first);
    const consuming = await start();
    await until(() => seen(consuming) === 2);
    expect(told).toEqual([TWO('m'), ONE('m')]);
  }, 60_000);

  it('says where to find what was too large for the broker', async () => {
    const { prefix, told, start, send } = await channel();
    const { first } = await life(prefix, 'm', { maxRecordBytes: 1_000 });
    expect(first.value).toBeNull();
    await send(first);
    const consuming = await start();
    await until(() => seen(consuming) === 1);
    expect(told[1]).toContain(
      'curl -s -H "Authorization: Bearer $KEY" \'http://x/v1/events?model=m&after=3\'',
    );
  }, 60_000);
});
