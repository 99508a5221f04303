import { SqliteEventStore } from '@gatehouse/event-store';
import { follow } from '@gatehouse/eventsourcing';
import { type Checkpoints, type KafkaLog, Relay } from '@gatehouse/messaging';
import { kafkaClient, KafkaPublisher } from '@gatehouse/messaging/kafka';
import { KafkaCheckpoints } from '../../libs/messaging/src/kafka/checkpoints';

// A process that relays a log of its own and says where it is at every step, to be killed there. Its modules are
// loaded before it is told to start: the next one waits while this one works.

/** What it is told. */
export type RelayJob = { file: string; address: string; prefix: string; batch: number };
/** What it says, each time before it goes on. */
export type RelayStep = 'ready' | 'sending' | 'acknowledged' | 'saving' | 'saved' | 'at the end';

const silent: KafkaLog = { log: () => undefined };
const NEVER = new AbortController().signal;

async function relay({ file, address, prefix, batch }: RelayJob): Promise<void> {
  const store = await SqliteEventStore.open({ file });
  const client = kafkaClient({ brokers: [address], clientId: 'relay-child', tls: false }, silent);
  const publisher = new KafkaPublisher(client);
  const topic = new KafkaCheckpoints(client, prefix, publisher);
  const checkpoints: Checkpoints = {
    newest: () => topic.newest(),
    anythingDelivered: () => topic.anythingDelivered(),
    save: (checkpoint) => around('saving', () => topic.save(checkpoint), 'saved'),
  };
  const sends = {
    publish: (messages: Parameters<KafkaPublisher['publish']>[0]) =>
      around('sending', () => publisher.publish(messages), 'acknowledged'),
    close: () => publisher.close(),
  };
  const owner = `${process.pid}.${Date.now()}`;
  const sizes = { maxRecordBytes: 800_000, maxSendBytes: 800_000 };
  const { head } = await store.log();
  const one = new Relay({ store, publisher: sends, checkpoints, owner, prefix, ...sizes });
  const following = follow(store, one, {
    signal: NEVER,
    batch,
    onError: (error, willRetry) => console.error(error, willRetry),
  });
  if (await following.reached(head, 120_000)) await say('at the end');
}

async function around(before: RelayStep, act: () => Promise<void>, after: RelayStep): Promise<void> {
  await say(before);
  await act();
  await say(after);
}

function say(step: RelayStep): Promise<void> {
  return new Promise((said) => process.send!(step, () => said()));
}

process.on('message', (job: RelayJob) => {
  relay(job).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
void say('ready');
