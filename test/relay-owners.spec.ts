import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import { type EventStore, follow } from '@gatehouse/eventsourcing';
import { type Publisher, Relay, type RelayCheckpoint } from '@gatehouse/messaging';
import { kafkaClient, KafkaPublisher } from '@gatehouse/messaging/kafka';
import { KafkaCheckpoints } from '../libs/messaging/src/kafka/checkpoints';
import { Ownership, type Term } from '../libs/messaging/src/kafka/ownership';
import { ensureTopics } from '../libs/messaging/src/kafka/topics';
import { authorOf } from './kafka/author';
import { killChild, startChild } from './kafka/children';
import { type Reconciled, reconcile } from './kafka/reconcile';
import { sharedBroker } from './kafka/shared-broker';
import type { WorkerJob, WorkerSays } from './kafka/worker.child';

const EVENTS = 4_000;
const FAIL_OVER_WITHIN_MS = 15_000;
/** Small sends, so that the log takes some seconds. */
const MAX_BATCH_BYTES = 4_000;
/** The shortest record of `lifecycle` is larger. */
const MOST_IN_A_SEND = MAX_BATCH_BYTES / 500;
const silent = { log: () => undefined };

/** A worker and the last that it said. */
type Worker = { readonly child: ChildProcess; says: WorkerSays };

describe('of several that could relay', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-owners-'));
  const log = join(folder, 'events.db');
  let address: string;
  let prefix: string;
  let workers: Worker[];

  beforeAll(async () => {
    ({ address } = await sharedBroker());
    const store = await SqliteEventStore.open({ file: log });
    await authorOf(store)(EVENTS);
    await store.close();
  }, 600_000);
  beforeEach(() => {
    prefix = `gh-${randomUUID()}`;
    workers = [];
  });
  afterEach(() => Promise.all(workers.map(({ child }) => killChild(child))));
  afterAll(() => rmSync(folder, { recursive: true }));

  const client = () => kafkaClient({ brokers: [address], clientId: 'owners-spec', tls: false }, silent);

  /** The log may be read by one process: each worker has a copy of it, with the same identity. */
  const startWorker = async (): Promise<Worker> => {
    const file = join(folder, `${randomUUID()}.db`);
    copyFileSync(log, file);
    const child = await startChild('worker.child.ts');
    const worker: Worker = { child, says: { role: 'unknown', position: null } };
    child.on('message', (says: WorkerSays) => (worker.says = says));
    const job: WorkerJob = { file, address, prefix, maxBatchBytes: MAX_BATCH_BYTES };
    child.send(job);
    workers.push(worker);
    return worker;
  };
  const until = async (what: string, holds: () => boolean, withinMs = 90_000) => {
    for (const end = Date.now() + withinMs; !holds(); await sleep(10))
      if (Date.now() > end)
        throw new Error(
          `not within ${withinMs} ms: ${what}; ${JSON.stringify(workers.map(({ says }) => says))}`,
        );
  };
  const position = ({ says }: Worker) => Number(says.position ?? 0);
  const isActive = ({ says }: Worker) => says.role === 'active';
  /** Two workers, one of which is in the middle of its work. */
  const twoWorkers = async (one?: Worker) => {
    one ??= await startWorker();
    const two = await startWorker();
    const relays = (a: Worker, b: Worker) => isActive(a) && b.says.role === 'standby' && position(a) > 50;
    await until('one relays, the other stands by', () => relays(one, two) || relays(two, one));
    return isActive(one) ? { active: one, standby: two } : { active: two, standby: one };
  };
  /** Whoever is still there makes an end of it. */
  const hurry = () => {
    for (const { child } of workers) if (child.connected) child.send('hurry');
  };
  const withLog = async <T>(work: (store: EventStore) => Promise<T>) => {
    const store = await SqliteEventStore.open({ file: log });
    return work(store).finally(() => store.close());
  };
  const newestCheckpoint = async () => {
    const checkpoints = new KafkaCheckpoints(client(), prefix, null);
    const newest = await checkpoints.newest();
    await checkpoints.close();
    return newest!;
  };
  const nothingIsMissing = async (mostDuplicates: number) => {
    const found: Reconciled = await withLog((store) => reconcile(store, address, prefix));
    const { missing, disorder, duplicates } = found;
    expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
    for (const count of Object.values(duplicates)) expect(count).toBeLessThanOrEqual(mostDuplicates);
  };

  it(`the active one is killed: another goes on within ${FAIL_OVER_WITHIN_MS / 1_000} s, and nothing is missing`, async () => {
    let { active, standby } = await twoWorkers();
    const times: number[] = [];
    // A machine that stands still meanwhile says nothing: it is tried again, and has to be done in time once.
    for (;;) {
      const before = position(active);
      expect(before).toBeLessThan(EVENTS);
      await killChild(active.child);
      const killed = performance.now();
      await until('the other relays', () => isActive(standby) && position(standby) > before);
      times.push(Math.round(performance.now() - killed));
      if (times.at(-1)! <= FAIL_OVER_WITHIN_MS || times.length === 3) break;
      ({ active, standby } = await twoWorkers(standby));
    }
    console.info(`fail-over in ${times.join(', ')} ms`);
    expect(times.at(-1)).toBeLessThanOrEqual(FAIL_OVER_WITHIN_MS);
    hurry();
    await until('the other is at the end', () => position(standby) >= EVENTS, 180_000);
    await nothingIsMissing(times.length * MOST_IN_A_SEND);
  }, 900_000);

  it('the active one is paused and wakes up late: what it sends is a duplicate, and its checkpoint does not win', async () => {
    const { active, standby } = await twoWorkers();
    active.child.kill('SIGSTOP');
    const stoppedAt = position(active);
    expect(stoppedAt).toBeLessThan(EVENTS);
    await until('the other relays', () => isActive(standby) && position(standby) > stoppedAt);
    active.child.kill('SIGCONT');
    hurry();
    await until('the other is at the end', () => position(standby) >= EVENTS, 180_000);
    // It has noticed when both agree again on who relays, which may be either of them.
    const oneRelays = () => isActive(active) !== isActive(standby);
    await until('one relays, and one only', oneRelays);
    // Two may have been sent before it noticed, and one when it was stopped.
    await nothingIsMissing(3 * MOST_IN_A_SEND);
    expect(Number((await newestCheckpoint()).position)).toBeGreaterThanOrEqual(EVENTS);
  }, 900_000);

  it('a former owner that was paused before it read the checkpoint claims nothing when it wakes up', async () => {
    await ensureTopics(client(), { prefix, partitions: 3, replication: 1 }, silent);
    const publisher = new KafkaPublisher(client());
    const checkpoints = new KafkaCheckpoints(client(), prefix, publisher);
    const sizes = { maxRecordBytes: 800_000, maxSendBytes: 800_000 };
    const elected = () => {
      let began = (_: Term) => {};
      const term = new Promise<Term>((resolve) => (began = resolve));
      const ownership = new Ownership(client(), prefix, (one) => began(one));
      return { ownership, term };
    };
    let wake = () => {};
    const asleep = new Promise<void>((woken) => (wake = woken));
    let asked = false;
    const sleeping = {
      newest: async () => {
        asked = true;
        await asleep;
        return checkpoints.newest();
      },
      anythingDelivered: () => checkpoints.anythingDelivered(),
      save: (checkpoint: RelayCheckpoint) => checkpoints.save(checkpoint),
    };
    await withLog(async (store) => {
      const { head } = await store.log();
      const one = elected();
      const first = await one.term;
      const late = new Relay({ store, publisher, checkpoints: sleeping, prefix, ...sizes, ...first });
      const following = follow(store, late, { signal: first.signal });
      await until('the former owner is about to read the checkpoint', () => asked);
      await one.ownership.leave();

      const two = elected();
      const second = await two.term;
      expect(second.term).toBeGreaterThan(first.term);
      const relay = new Relay({ store, publisher, checkpoints, prefix, ...sizes, ...second });
      await follow(store, relay, { signal: second.signal }).reached(head, 180_000);
      const newest = await newestCheckpoint();
      expect(newest).toMatchObject({ owner: second.owner, position: head });
      wake();
      await following.done;
      expect(await newestCheckpoint()).toEqual(newest);
      await two.ownership.leave();
    });
    await checkpoints.close();
    await publisher.close();
    await nothingIsMissing(0);
  }, 900_000);

  it('a former owner that never learns of its end writes its checkpoint last, and it counts for nothing', async () => {
    await ensureTopics(client(), { prefix, partitions: 3, replication: 1 }, silent);
    const leaving = new AbortController();
    const publishers: KafkaPublisher[] = [];
    const checkpoints: KafkaCheckpoints[] = [];
    const own = () => {
      publishers.push(new KafkaPublisher(client()));
      checkpoints.push(new KafkaCheckpoints(client(), prefix, publishers.at(-1)!));
      return { publisher: publishers.at(-1)!, checkpoints: checkpoints.at(-1)! };
    };
    let wake = () => {};
    const asleep = new Promise<void>((woken) => (wake = woken));
    let sends = 0;
    const sleeping = (publisher: Publisher): Publisher => ({
      publish: async (messages) => {
        if (++sends === 3) await asleep;
        await publisher.publish(messages);
      },
      close: () => publisher.close(),
    });
    await withLog(async (store) => {
      const { head } = await store.log();
      const sizes = { maxRecordBytes: 800_000, maxSendBytes: 800_000 };
      const options = { signal: leaving.signal, batch: 100 };
      const [former, latter] = [own(), own()];
      const late = new Relay({
        store,
        ...former,
        publisher: sleeping(former.publisher),
        owner: 'former',
        prefix,
        ...sizes,
      });
      // Nothing fails for it, and no signal ends its term: it goes on as if it were still the owner.
      const following = follow(store, late, options);
      await until('the former owner sleeps in its third send', () => sends === 3);
      const relay = new Relay({ store, ...latter, owner: 'latter', prefix, ...sizes });
      await follow(store, relay, options).reached(head, 180_000);
      wake();
      await until('the former owner has written a checkpoint', () => sends > 5);
      const newest = await newestCheckpoint();
      expect(newest).toMatchObject({ owner: 'latter', position: head, generation: 2 });
      expect(await following.reached(head, 60_000)).toBe(true);
      expect(await newestCheckpoint()).toEqual(newest);
      leaving.abort();
    });
    await Promise.all([...publishers, ...checkpoints].map((one) => one.close()));
    // All that it had left, a second time.
    await nothingIsMissing(EVENTS);
  }, 900_000);
});
