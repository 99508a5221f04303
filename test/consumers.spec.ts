import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, decode } from '@gatehouse/domain';
import { MemoryEventStore, toHead } from '@gatehouse/eventsourcing/testing';
import { type Message, topicOf } from '@gatehouse/messaging';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { consume, type Consuming, type Tell } from '../examples/consumers/channel';
import { dataScience } from '../examples/consumers/data-science';
import { engineering } from '../examples/consumers/engineering';
import { product } from '../examples/consumers/product';
import type { Team } from '../examples/consumers/teams';
import { messagesOf } from '../libs/messaging/src/messages/messages';
import { PointedAt } from '../libs/messaging/src/pointed-at';
import { faultsOf } from '../libs/messaging/src/testing/message-contract';
import { approve, evaluate, Lives, PEOPLE, register } from '../libs/projections/src/testing/lives';
import { sharedBroker } from './kafka/shared-broker';

const WITHIN_MS = 60_000;
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
}, 300_000);
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
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: false });
  // kafkajs gives up on a topic that the broker does not show yet.
  for (const end = Date.now() + WITHIN_MS; !(await isLed(admin, topic)); await sleep(50))
    if (Date.now() > end) throw new Error(`${topic} has no leaders`);
  await admin.disconnect();
  const told: string[] = [];
  const hear = (lines: string[]) =>
    void told.push(lines[0]!, ...lines.filter((line) => line.includes('curl')));
  const start = async (print = hear, tell: Tell<never> = product) => {
    const consuming = await consume(
      { name: 'product', brokers: [address], prefix, folder: join(folder, prefix) },
      tell,
      print,
    );
    open.push(consuming);
    return consuming;
  };
  const send = async (...messages: Message[]) => {
    expect(await faultsOf(messages, prefix)).toEqual([]);
    await sendUnchecked(...messages);
  };
  const sendUnchecked = async (...messages: Message[]) => {
    const records = messages.map(({ key, headers, value }) => ({ key, headers: { ...headers }, value }));
    await producer.send({ topic, acks: -1, messages: records });
  };
  return { prefix, topic, told, hear, start, send, sendUnchecked };
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

/** What a team hears of a model, as the relay sends it: 1 goes live, 2 goes live, back to 1, 3 goes live. */
async function life(
  prefix: string,
  model: string,
  {
    log = 1,
    maxRecordBytes = 800_000,
    of = 'product',
  }: { log?: number; maxRecordBytes?: number; of?: Team } = {},
) {
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
  const [first, second, back, third] = messages.filter(({ topic }) => topic === topicOf(prefix, of));
  return { first: first!, second: second!, back: back!, third: third! };
}
const ONE = (model: string) => `${model}: version 1 is live.`;
const TWO = (model: string) => `${model}: version 2 is live, in place of version 1.`;
const BACK = (model: string) =>
  `${model}: version 1 is live again; version 2 was taken back because what it sees has changed.`;
const THREE = (model: string) => `${model}: version 3 is live, in place of version 1.`;

async function isLed(admin: Admin, topic: string): Promise<boolean> {
  const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined);
  return found?.topics[0]?.partitions.every(({ leader }) => leader >= 0) ?? false;
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + WITHIN_MS;
  for (; !what(); await sleep(20))
    if (Date.now() > deadline) throw new Error(`not in time: ${what.toString()}`);
}
const seen = (consuming: Consuming) => {
  const { told, duplicates, late, unknown } = consuming.counts();
  return told + duplicates + late + unknown;
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
    expect(consuming.counts()).toEqual({ told: 4, duplicates: 2, late: 1, unknown: 0 });
  }, 240_000);

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
    expect(after.counts()).toEqual({ told: 1, duplicates: 0, late: 0, unknown: 0 });
  }, 240_000);

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
    expect(after.counts()).toEqual({ told: 0, duplicates: 2, late: 0, unknown: 0 });
    expect(told).toEqual([ONE('m'), TWO('m')]);
  }, 240_000);

  it('tells what another log says, although its revisions begin again', async () => {
    const { prefix, told, start, send } = await channel();
    const restored = await life(prefix, 'm', { log: 2 });
    await send((await life(prefix, 'm')).second, restored.first);
    const consuming = await start();
    await until(() => seen(consuming) === 2);
    expect(told).toEqual([TWO('m'), ONE('m')]);
  }, 240_000);

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
  }, 240_000);

  it('tells an event again whose printing failed, and none twice that was printed before it', async () => {
    const { prefix, told, hear, start, send } = await channel();
    const { first, second, back } = await life(prefix, 'm');
    await send(first, second, back);
    let fails = 2;
    const consuming = await start((lines) => {
      if (lines[0] === TWO('m') && fails-- > 0) throw new Error('the printer is out of paper');
      hear(lines);
    });
    await until(() => consuming.counts().told === 3);
    expect(told).toEqual([ONE('m'), TWO('m'), BACK('m')]);
  }, 240_000);

  it('does not lose the event whose printing failed when it is stopped before it could try again', async () => {
    const { prefix, told, hear, start, send } = await channel();
    const { first, second } = await life(prefix, 'm');
    await send(first, second);
    let failures = 0;
    const before = await start((lines) => {
      if (lines[0] !== TWO('m')) return hear(lines);
      failures++;
      throw new Error('the printer is out of paper');
    });
    await until(() => failures > 0);
    await open.pop()!.stop();
    expect(before.counts().told).toBe(1);
    const after = await start();
    await until(() => after.counts().told === 1);
    expect(told).toEqual([ONE('m'), TWO('m')]);
  }, 240_000);

  it.each<[Team, Tell<never>]>([
    ['data-science', dataScience],
    ['engineering', engineering],
    ['product', product],
  ])(
    'of %s passes over events and types that it does not know',
    async (of, tell) => {
      const { prefix, told, start, sendUnchecked } = await channel();
      const { first, second, back, third } = await life(prefix, 'm', { of });
      const { tenant, model, at, by } = JSON.parse(String(first.value)) as Record<string, unknown>;
      const value = Buffer.from(JSON.stringify({ event: 'retired', tenant, model, at, by }));
      const ce_type = 'gatehouse.model.retired.v1';
      await sendUnchecked(
        { ...first, value },
        { ...second, headers: { ...second.headers, ce_type } },
        { ...back, headers: { ...back.headers, ce_type, ce_dataref: 'http://x' }, value: null },
        third,
      );
      const consuming = await start((lines) => void told.push(lines[0]!), tell);
      await until(() => seen(consuming) === 4);
      expect(consuming.counts()).toEqual({ told: 1, duplicates: 0, late: 0, unknown: 3 });
      expect(told).toHaveLength(1);
    },
    240_000,
  );
});
