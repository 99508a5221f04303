import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import type { KafkaLog } from '@gatehouse/messaging';
import { KafkaRelay } from '@gatehouse/messaging/kafka';

// A worker as a process of its own: it stands for ownership and relays while it has it, and says how it is whenever that changes.

/** What it is told; 'hurry' later, which ends the pauses between events. */
export type WorkerJob = { file: string; address: string; prefix: string; maxBatchBytes: number };
/** What it says: the position is that of `lifecycle`. */
export type WorkerSays = { role: string; position: string | null; error?: string };

const LOOK_EVERY_MS = 20;
/** After each event, so that what is there to be relayed lasts until somebody is killed in the middle of it. */
const PAUSE_MS = 5;
const silent: KafkaLog = { log: () => undefined };

async function work({ file, address, prefix, maxBatchBytes }: WorkerJob): Promise<void> {
  const store = await SqliteEventStore.open({ file });
  const readAll = store.readAll.bind(store);
  store.readAll = (...asked) => unhurried(readAll(...asked));
  const relay = new KafkaRelay({
    kafka: { brokers: [address], clientId: 'worker-child', tls: false },
    topics: { prefix, partitions: 3, replication: 1 },
    maxBatchBytes,
    store,
    log: silent,
    relays: true,
  });
  let said = '';
  const look = async () => {
    const { role, error, channels } = await relay.status();
    const says: WorkerSays = { role, position: channels[0]!.position?.toString() ?? null, error };
    const text = JSON.stringify(says);
    if (text !== said) process.send!(says);
    said = text;
    setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  await look();
}

let hurried = false;

async function* unhurried<T>(events: AsyncIterable<T>): AsyncGenerator<T, void> {
  for await (const event of events) {
    if (!hurried) await sleep(PAUSE_MS);
    yield event;
  }
}

process.on('message', (job: WorkerJob | 'hurry') => {
  if (job === 'hurry') {
    hurried = true;
    return;
  }
  work(job).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.send!('ready');
