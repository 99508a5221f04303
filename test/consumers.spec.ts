import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { consume, type Consuming } from '../examples/consumers/channel';
import { sharedBroker } from './kafka/shared-broker';

const WITHIN_MS = 20_000;
type Sent = { id: string; subject: string; revision: number; logId?: string; body?: object | null };

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
  const topic = `${prefix}.product.v1`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
  await admin.disconnect();
  const told: string[] = [];
  const start = async () => {
    const consuming = await consume<{ say: string }>(
      { name: 'product', brokers: [address], prefix, folder: join(folder, prefix) },
      ({ say }) => [say],
      (lines) => told.push(lines.join('\n')),
    );
    open.push(consuming);
    return consuming;
  };
  const send = (...messages: Sent[]) => producer.send({ topic, acks: -1, messages: messages.map(message) });
  return { prefix, topic, told, start, send };
}

/** As the relay sends it. */
function message({ id, subject, revision, logId = 'log-1', body }: Sent) {
  const headers = {
    ce_specversion: '1.0',
    ce_id: id,
    ce_subject: subject,
    ce_revision: String(revision),
    ce_logid: logId,
  };
  const said = body === undefined ? { say: `${subject} ${revision}` } : body;
  if (said === null) return { key: subject, headers: { ...headers, ce_dataref: 'http://x/e' }, value: null };
  return { key: subject, headers, value: JSON.stringify(said) };
}

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
    const { told, start, send } = await channel();
    await send(
      { id: 'a', subject: 't/m', revision: 1 },
      { id: 'b', subject: 't/m', revision: 4 },
      { id: 'a', subject: 't/m', revision: 1 },
      { id: 'b', subject: 't/m', revision: 4 },
      { id: 'c', subject: 't/m', revision: 6 },
      { id: 'missed', subject: 't/m', revision: 5 },
      { id: 'other', subject: 't/n', revision: 1 },
    );
    const consuming = await start();
    await until(() => seen(consuming) === 7);
    expect(told.filter((line) => line.startsWith('t/m'))).toEqual(['t/m 1', 't/m 4', 't/m 6']);
    expect(told).toContain('t/n 1');
    expect(consuming.counts()).toEqual({ told: 4, duplicates: 2, late: 1 });
  }, 60_000);

  it('goes on where it was when it is started again', async () => {
    const { told, start, send } = await channel();
    await send({ id: 'a', subject: 't/m', revision: 1 });
    const first = await start();
    await until(() => seen(first) === 1);
    await open.pop()!.stop();
    await send({ id: 'b', subject: 't/m', revision: 2 });
    const second = await start();
    await until(() => seen(second) === 1);
    expect(told).toEqual(['t/m 1', 't/m 2']);
    expect(second.counts()).toEqual({ told: 1, duplicates: 0, late: 0 });
  }, 60_000);

  it('tells nothing twice where its group has forgotten how far it was', async () => {
    const { prefix, topic, told, start, send } = await channel();
    await send({ id: 'a', subject: 't/m', revision: 1 }, { id: 'b', subject: 't/m', revision: 2 });
    const first = await start();
    await until(() => seen(first) === 2);
    await open.pop()!.stop();
    const admin = kafka.admin();
    await admin.connect();
    await admin.resetOffsets({ groupId: `${prefix}-example-product`, topic, earliest: true });
    await admin.disconnect();
    const second = await start();
    await until(() => seen(second) === 2);
    expect(second.counts()).toEqual({ told: 0, duplicates: 2, late: 0 });
    expect(told).toEqual(['t/m 1', 't/m 2']);
  }, 60_000);

  it('tells what another log says, although its revisions begin again', async () => {
    const { told, start, send } = await channel();
    await send(
      { id: 'a', subject: 't/m', revision: 9 },
      { id: 'b', subject: 't/m', revision: 3, logId: 'restored' },
    );
    const consuming = await start();
    await until(() => seen(consuming) === 2);
    expect(told).toEqual(['t/m 9', 't/m 3']);
  }, 60_000);

  it('says where to find what was too large for the broker', async () => {
    const { told, start, send } = await channel();
    await send({ id: 'a', subject: 't/m', revision: 1, body: null });
    const consuming = await start();
    await until(() => seen(consuming) === 1);
    expect(told[0]).toContain('curl -s -H "Authorization: Bearer $KEY" \'http://x/e\'');
  }, 60_000);
});
