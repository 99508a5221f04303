import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { CHANNELS, type ChannelsStatus, relayTopic, RelayStopped, topicOf } from '@gatehouse/messaging';
import { kafkaClient, KafkaRelay } from '@gatehouse/messaging/kafka';
import { type Admin, ConfigResourceTypes, type ITopicConfig } from 'kafkajs';
import { ensureTopics, withAdmin } from '../libs/messaging/src/kafka/topics';
import { sharedBroker } from './kafka/shared-broker';

type Said = { level: string; fields: object; message: string };

describe('the topics', () => {
  let address: string;
  let prefix: string;
  let said: Said[];

  beforeAll(async () => ({ address } = await sharedBroker()), 300_000);
  beforeEach(() => {
    prefix = `gh-${randomUUID()}`;
    said = [];
  });

  const log = {
    log: (level: string, fields: object, message: string) => void said.push({ level, fields, message }),
  };
  const connection = () => ({ brokers: [address], clientId: 'topics-spec', tls: false }) as const;
  const asked = <T>(act: (admin: Admin) => Promise<T>) => withAdmin(kafkaClient(connection(), log), act);
  const ensure = (partitions = 3, replication = 1) =>
    ensureTopics(kafkaClient(connection(), log), { prefix, partitions, replication }, log);
  const relaying = () =>
    new KafkaRelay({
      kafka: connection(),
      topics: { prefix, partitions: 1, replication: 1 },
      maxBatchBytes: 1_000_000,
      store: new MemoryEventStore(),
      log,
      relays: true,
    });
  const make = (topic: ITopicConfig) =>
    asked((admin) => admin.createTopics({ topics: [topic], waitForLeaders: false }));
  const all = () => [...CHANNELS.map((channel) => topicOf(prefix, channel)), relayTopic(prefix)];
  const shapes = async () => {
    const { topics } = await asked((admin) => admin.fetchTopicMetadata({ topics: all() }));
    return Object.fromEntries(
      topics.map(({ name, partitions }) => [
        name,
        { partitions: partitions.length, replicas: partitions[0]!.replicas.length },
      ]),
    );
  };
  const warnings = () =>
    said.filter(({ level, message }) => level === 'warn' && /left as it is/.test(message));
  const compacted = { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] };

  it('are made with the partitions and the replication that are set, the one of the relay with one', async () => {
    await ensure(5);
    const channels = CHANNELS.map((channel) => [topicOf(prefix, channel), { partitions: 5, replicas: 1 }]);
    expect(await shapes()).toEqual({
      ...Object.fromEntries(channels),
      [relayTopic(prefix)]: { partitions: 1, replicas: 1 },
    });
    expect(warnings()).toEqual([]);
  });

  it('that exist are left as they are, and a difference is said', async () => {
    await ensure(3);
    const before = await shapes();
    await ensure(7, 2);
    expect(await shapes()).toEqual(before);
    const told = warnings().map(({ fields }) => fields);
    expect(told).toContainEqual({
      topic: topicOf(prefix, 'product'),
      has: { partitions: 3, replication: 1 },
      set: { partitions: 7, replication: 2 },
    });
    // The relay's has one partition whatever is set, but its replication differs, too.
    expect(told.length).toBe(CHANNELS.length + 1);
  });

  it('are completed where some exist, and two that do it at once do not mind', async () => {
    await make({ topic: topicOf(prefix, 'engineering'), numPartitions: 2 });
    await Promise.all([ensure(4), ensure(4)]);
    const made = await shapes();
    expect(made[topicOf(prefix, 'engineering')]).toEqual({ partitions: 2, replicas: 1 });
    expect(made[topicOf(prefix, 'product')]).toEqual({ partitions: 4, replicas: 1 });
  });

  it('say what the smallest of them takes: no send may be larger', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '70000' }];
    await make({ topic: topicOf(prefix, 'data-science'), numPartitions: 1, configEntries });
    expect(await ensure(1)).toBe(70_000);
  });

  it('of the relay: one with several partitions is refused, because several would relay', async () => {
    await make({ topic: relayTopic(prefix), numPartitions: 2, ...compacted });
    await expect(ensure()).rejects.toThrow(RelayStopped);
    await expect(ensure()).rejects.toThrow(`${relayTopic(prefix)} must have one partition, and has 2`);
  });

  it('that need more replicas than they have are named and waited for: the relay begins when they are right', async () => {
    const topic = topicOf(prefix, 'product');
    const needs = (value: string) => [{ name: 'min.insync.replicas', value }];
    await make({ topic, numPartitions: 1, configEntries: needs('2') });
    const relay = relaying();
    try {
      const until = async (what: string, holds: (status: ChannelsStatus) => boolean) => {
        for (const end = Date.now() + 90_000; ; await sleep(20)) {
          const status = await relay.status();
          if (holds(status)) return status;
          if (Date.now() > end) throw new Error(`not ${what}: ${status.role}, ${status.error}`);
        }
      };
      const waiting = `${topic} has min.insync.replicas=2 and 1 of them: it would acknowledge nothing. Lower the one, or add replicas`;
      expect(await until('told', ({ error }) => error === waiting)).toMatchObject({ role: 'connecting' });
      expect(said).toContainEqual(expect.objectContaining({ level: 'warn', message: 'the relay failed' }));
      const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configEntries: needs('1') };
      await asked((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
      await until('active', ({ role, error }) => role === 'active' && error === undefined);
    } finally {
      await relay.stop();
    }
  }, 240_000);

  it('of the relay: one that is not compacted is refused, and whoever relays says so and sends nothing', async () => {
    await make({ topic: relayTopic(prefix), numPartitions: 1 });
    const relay = relaying();
    const until = Date.now() + 90_000;
    while ((await relay.status()).role !== 'stopped' && Date.now() < until) await sleep(20);
    const { role, error, channels } = await relay.status();
    await relay.stop();
    expect(role).toBe('stopped');
    expect(error).toMatch(/must have cleanup\.policy=compact, and has delete/);
    expect(channels.map(({ state }) => state)).toEqual(CHANNELS.map(() => 'stopped'));
  });
});
