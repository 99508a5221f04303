import { randomUUID } from 'node:crypto';
import { kafkaClient, KafkaRelay, topicOf, CHANNELS, type KafkaLog } from '@gatehouse/messaging';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { Lives, randomCommand, randomFrom } from '../libs/projections/src/testing/lives';
import { sharedBroker } from './kafka/shared-broker';

const quiet: KafkaLog = { log: (l, f, m) => console.log(l, m, f) };

it('try', async () => {
  const { address } = await sharedBroker();
  const prefix = `gh-${randomUUID().slice(0, 8)}`;
  const store = new MemoryEventStore();
  const lives = new Lives(store);
  const next = randomFrom(1);
  let n = 0;
  for (let i = 0; i < 500; i++) {
    const { command, actor } = randomCommand(next, n);
    const made = await lives.issue('acme', `m${i % 3}`, command, actor);
    n = Math.max(...[...lives.states.values()].map((s) => s.versions.length), 0);
    void made;
  }
  const kafka = { brokers: [address], clientId: 'test', tls: false };
  const t0 = Date.now();
  const relay = new KafkaRelay({ kafka, topics: { prefix, partitions: 3, replication: 1 }, maxBatchBytes: 1_000_000, store, log: quiet, relays: true });
  for (;;) {
    const s = await relay.status();
    if (s.channels.every((c) => c.state === 'live')) { console.log(Date.now() - t0, s); break; }
    await new Promise((r) => setTimeout(r, 100));
    if (Date.now() - t0 > 40_000) { console.log(s); throw new Error('late'); }
  }
  await relay.stop();
  console.log('stopped', Date.now() - t0);
  const admin = kafkaClient(kafka, quiet).admin();
  await admin.connect();
  for (const c of CHANNELS) console.log(c, await admin.fetchTopicOffsets(topicOf(prefix, c)));
  console.log((await store.log()).head);
  await admin.disconnect();
}, 60_000);
