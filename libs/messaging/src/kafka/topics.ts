import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, ConfigResourceTypes, type ITopicConfig, type Kafka } from 'kafkajs';
import { CHANNELS, relayTopic, topicOf } from '../channels';
import { RelayStopped } from '../relay';
import { type KafkaLog, within } from './client';

export interface TopicSettings {
  readonly prefix: string;
  /** Of a topic that is made; one that exists is never changed. */
  readonly partitions: number;
  readonly replication: number;
}

const CALL_MS = 15_000;
const LEADERS_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** Small segments, because only what is not in the last one is compacted. */
const COMPACTED = {
  'cleanup.policy': 'compact',
  'segment.bytes': String(4 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.05',
};

/** An admin for as long as `act` takes. */
export async function withAdmin<T>(kafka: Kafka, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await within(CALL_MS, 'connecting to Kafka', admin.connect());
    return await within(CALL_MS, 'asking Kafka', act(admin));
  } finally {
    void within(CALL_MS, 'closing', admin.disconnect()).catch(() => undefined);
  }
}

/**
 * Makes the topics that are missing. What exists stays as it is: a difference is a warning, a topic that cannot keep
 * the checkpoint stops the relay, and one that acknowledges nothing is waited for. Answers the size of the batches that all of them take.
 */
export function ensureTopics(kafka: Kafka, settings: TopicSettings, log: KafkaLog): Promise<number> {
  return withAdmin(kafka, async (admin) => {
    const wanted = topicsOf(settings);
    const there = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !there.has(topic));
    if (missing.length > 0) {
      // False where another worker has made them in between.
      await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: CALL_MS });
      await haveLeaders(
        admin,
        missing.map(({ topic }) => topic),
      );
      log.log('info', { topics: missing.map(({ topic }) => topic) }, 'topics were created');
    }
    const replicas = await checkShape(admin, settings, log);
    return checkConfigs(admin, settings, replicas);
  });
}

/** kafkajs would wait itself, but takes a broker that has not heard of a new topic yet for one that has none. */
async function haveLeaders(admin: Admin, topics: string[]): Promise<void> {
  const deadline = Date.now() + LEADERS_MS;
  for (;;) {
    try {
      const { topics: made } = await admin.fetchTopicMetadata({ topics });
      if (made.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      const notYet = /^(UNKNOWN_TOPIC_OR_PARTITION|LEADER_NOT_AVAILABLE)$/;
      if (!notYet.test((error as { type?: string }).type ?? '') || Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`no leaders yet for ${topics.join(', ')}`);
    await sleep(LOOK_EVERY_MS);
  }
}

function topicsOf({ prefix, partitions, replication }: TopicSettings): ITopicConfig[] {
  const channels = CHANNELS.map((channel) => ({
    topic: topicOf(prefix, channel),
    numPartitions: partitions,
    replicationFactor: replication,
  }));
  const configEntries = Object.entries(COMPACTED).map(([name, value]) => ({ name, value }));
  const relay = {
    topic: relayTopic(prefix),
    numPartitions: 1,
    replicationFactor: replication,
    configEntries,
  };
  return [...channels, relay];
}

/** How many replicas each of them has. */
async function checkShape(
  admin: Admin,
  settings: TopicSettings,
  log: KafkaLog,
): Promise<ReadonlyMap<string, number>> {
  const wanted = topicsOf(settings);
  const replicas = new Map<string, number>();
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) });
  for (const { name, partitions } of topics) {
    if (name === relayTopic(settings.prefix) && partitions.length !== 1)
      throw new RelayStopped(`${name} must have one partition, and has ${partitions.length}: make it anew`);
    const { numPartitions, replicationFactor } = wanted.find(({ topic }) => topic === name)!;
    const has = { partitions: partitions.length, replication: partitions[0]?.replicas.length ?? 0 };
    replicas.set(name, has.replication);
    if (has.partitions !== numPartitions || has.replication !== replicationFactor)
      log.log(
        'warn',
        { topic: name, has, set: { partitions: numPartitions, replication: replicationFactor } },
        'a topic is not as GATEHOUSE_KAFKA_PARTITIONS and GATEHOUSE_KAFKA_REPLICATION say; it is left as it is',
      );
  }
  return replicas;
}

async function checkConfigs(
  admin: Admin,
  settings: TopicSettings,
  replicas: ReadonlyMap<string, number>,
): Promise<number> {
  const configNames = ['cleanup.policy', 'max.message.bytes', 'min.insync.replicas'];
  const resources = topicsOf(settings).map(({ topic }) => ({
    type: ConfigResourceTypes.TOPIC,
    name: topic,
    configNames,
  }));
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  let smallest = Infinity;
  for (const { resourceName, configEntries } of described) {
    const config = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
    const policy = config.get('cleanup.policy');
    if (resourceName === relayTopic(settings.prefix) && policy !== 'compact')
      throw new RelayStopped(
        `${resourceName} must have cleanup.policy=compact, and has ${policy}: the relay's checkpoint would be deleted`,
      );
    const [needed, has] = [Number(config.get('min.insync.replicas') ?? 1), replicas.get(resourceName) ?? 0];
    if (needed > has)
      throw new Error(
        `${resourceName} has min.insync.replicas=${needed} and ${has} of them: it would acknowledge nothing. Lower the one, or add replicas`,
      );
    smallest = Math.min(smallest, Number(config.get('max.message.bytes') ?? Infinity));
  }
  return smallest;
}

/** Whether any record was ever written to a channel. */
export function anythingDelivered(kafka: Kafka, prefix: string): Promise<boolean> {
  return withAdmin(kafka, async (admin) => {
    for (const channel of CHANNELS) {
      const offsets = await admin.fetchTopicOffsets(topicOf(prefix, channel));
      if (offsets.some(({ high }) => BigInt(high) > 0n)) return true;
    }
    return false;
  });
}
