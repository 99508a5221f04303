import { randomUUID } from 'node:crypto';
import { isModelStream } from '@gatehouse/domain';
import type { EventStore, Recorded } from '@gatehouse/eventsourcing';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { faultsOf } from '../../libs/messaging/src/testing/message-contract';

/** A record of a channel, as a consumer gets it. */
export type Sent = {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly id: string;
  readonly position: bigint;
  readonly revision: bigint;
  readonly headers: { readonly [name: string]: string };
  readonly value: Buffer | null;
};
/** What a reconciliation found; `missing` and `disorder` must be empty. */
export type Reconciled = {
  readonly events: number;
  readonly missing: string[];
  /**
   * What no event of the log explains, what a key got for the first time after something newer, and what is not as the
   * schemas and asyncapi.yaml promise.
   */
  readonly disorder: string[];
  /** By channel: records, each `ce_id` once. */
  readonly records: { readonly [channel: string]: number };
  /** By channel: records beyond the first with the same `ce_id`. */
  readonly duplicates: { readonly [channel: string]: number };
};

const MOVES = ['model.Promoted', 'model.RolledBack', 'model.Deprecated'];
type Says = (event: Recorded) => boolean;
/** What each channel is to carry, by the words of the design alone. */
const CARRIES: { readonly [channel: string]: Says } = {
  lifecycle: () => true,
  'data-science': (event) => MOVES.includes(event.type) || heldBack(event),
  engineering: ({ type }) => MOVES.includes(type),
  product: ({ type }) => MOVES.includes(type),
};
export const CHANNELS = Object.keys(CARRIES);

/**
 * Compares all that the log says of models with all that the brokers hold, event by event. Of a log that was copied from another one, `before` has the
 * positions that events had there: what was sent then says those.
 */
export async function reconcile(
  store: Pick<EventStore, 'readAll'>,
  address: string,
  prefix: string,
  before: ReadonlyMap<string, bigint> = new Map(),
): Promise<Reconciled> {
  const events: Recorded[] = [];
  for await (const event of store.readAll(0n, { follow: false, signal: new AbortController().signal }))
    if (isModelStream(event.stream)) events.push(event);
  const sent = await everythingIn(
    address,
    CHANNELS.map((channel) => `${prefix}.${channel}.v1`),
  );
  const found = { events: events.length, missing: [] as string[], disorder: await faultsOf(sent, prefix) };
  const duplicates: { [channel: string]: number } = {};
  const counted: { [channel: string]: number } = {};
  for (const [channel, carries] of Object.entries(CARRIES)) {
    const records = sent.filter(({ topic }) => topic === `${prefix}.${channel}.v1`);
    const firsts = firstsOf(records);
    counted[channel] = firsts.length;
    duplicates[channel] = records.length - firsts.length;
    const due = new Map(events.filter(carries).map((event) => [event.id, event]));
    const there = new Set(firsts.map(({ id }) => id));
    for (const [id, { position }] of due)
      if (!there.has(id)) found.missing.push(`${channel} ${position} ${id}`);
    found.disorder.push(...disorderOf(firsts, due, before));
  }
  return { ...found, records: counted, duplicates };
}

/** What a consumer has left after it dropped what it had before. */
function firstsOf(records: readonly Sent[]): Sent[] {
  const had = new Set<string>();
  return records.filter(({ id }) => had.size < had.add(id).size);
}

function disorderOf(
  firsts: readonly Sent[],
  due: ReadonlyMap<string, Recorded>,
  moved: ReadonlyMap<string, bigint>,
): string[] {
  const last = new Map<string, Sent>();
  return firsts.flatMap((record) => {
    const { key, topic, id, position, revision, partition } = record;
    const event = due.get(id);
    const before = last.get(key);
    last.set(key, record);
    const faults: string[] = [];
    const isThere = event?.position === position || moved.get(id) === position;
    if (!isThere || event?.revision !== revision) faults.push('is not what the log says');
    if (before && before.partition !== partition) faults.push('has its key in another partition');
    if (before && before.revision >= revision) faults.push(`comes after revision ${before.revision}`);
    return faults.map((fault) => `${topic} ${key} revision ${revision} (${id}) ${fault}`);
  });
}

/** A verdict on a bound, whoever set it, that is no pass. Where nothing sets one there is nothing to hold a version back. */
function heldBack({ type, data }: Recorded): boolean {
  const { rules = [] } = data as { rules?: { metric?: string; verdict: string }[] };
  const open = rules.filter(({ metric, verdict }) => metric !== undefined && verdict !== 'pass');
  return type === 'model.Evaluated' && open.length > 0;
}

/** All records of some topics, those of a partition in its order. */
async function everythingIn(address: string, topics: string[]): Promise<Sent[]> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `reconcile-${randomUUID()}`, maxBytesPerPartition: 8_388_608 });
  await Promise.all([admin.connect(), consumer.connect()]);
  const open = new Map<string, bigint>();
  for (const topic of topics)
    for (const { partition, high } of await admin.fetchTopicOffsets(topic))
      if (BigInt(high) > 0n) open.set(`${topic}/${partition}`, BigInt(high));
  const sent: Sent[] = [];
  await consumer.subscribe({ topics, fromBeginning: true });
  if (open.size > 0)
    await new Promise<void>((all, crashed) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => crashed(payload.error));
      void consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const { topic, partition, messages } = batch;
          for (const message of messages) sent.push(sentOf(topic, partition, message));
          if (BigInt(batch.lastOffset()) + 1n >= (open.get(`${topic}/${partition}`) ?? 0n))
            open.delete(`${topic}/${partition}`);
          if (open.size === 0) all();
        },
      });
    });
  await Promise.all([admin.disconnect(), consumer.disconnect()]);
  return sent;
}

function sentOf(topic: string, partition: number, { key, value, headers: bytes = {} }: KafkaMessage): Sent {
  const headers = Object.fromEntries(Object.entries(bytes).map(([name, text]) => [name, String(text)]));
  const text = (name: string) => String(headers[name]);
  return {
    topic,
    partition,
    key: String(key),
    id: text('ce_id'),
    position: BigInt(text('ce_position')),
    revision: BigInt(text('ce_revision')),
    headers,
    value,
  };
}
