import type { ChildProcess } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import { kafkaClient } from '@gatehouse/messaging/kafka';
import { ensureTopics } from '../libs/messaging/src/kafka/topics';
import { authorOf } from './kafka/author';
import { killChild, startChild } from './kafka/children';
import { reconcile } from './kafka/reconcile';
import type { RelayJob, RelayStep } from './kafka/relay.child';
import { sharedBroker } from './kafka/shared-broker';
import { scaled } from './support/scale';

const KILLS = scaled(100);
const BATCH = 40;
/** More than those that are killed will ever get through. */
const EVENTS = KILLS * 4 * BATCH;
const STEPS: readonly RelayStep[] = ['sending', 'acknowledged', 'saving', 'saved'];

describe(`the relay's process, killed ${KILLS} times around send, ack and checkpoint`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-relay-kill-'));
  const file = join(folder, 'events.db');
  const prefix = `gh-${randomUUID()}`;
  const killedAt = new Map<RelayStep, number>();
  let job: RelayJob;
  let next: Promise<ChildProcess>;

  beforeAll(async () => {
    const { address } = await sharedBroker();
    job = { file, address, prefix, batch: BATCH };
    const silent = { log: () => undefined };
    const client = kafkaClient({ brokers: [address], clientId: 'relay-kill', tls: false }, silent);
    await ensureTopics(client, { prefix, partitions: 3, replication: 1 }, silent);
    const store = await SqliteEventStore.open({ file });
    await authorOf(store)(EVENTS);
    await store.close();
    next = startChild('relay.child.ts');
  }, 900_000);
  afterAll(async () => {
    await next.then(killChild);
    rmSync(folder, { recursive: true });
  });

  /** Lets the next process work until it has said a step so many times, and a moment longer. */
  const until = async (step: RelayStep, times: number, longerMs: number) => {
    const child = await next;
    next = startChild('relay.child.ts');
    let left = times;
    let last: RelayStep | undefined;
    const there = new Promise<void>((resolve, reject) => {
      child.on('message', (said: RelayStep) => {
        last = said;
        if (said === 'at the end' || (said === step && --left === 0)) resolve();
      });
      child.once('close', () => reject(new Error('the relay ended by itself')));
    });
    there.catch(() => undefined);
    child.send(job);
    await there;
    if (longerMs > 0) await sleep(longerMs);
    await killChild(child);
    return last!;
  };

  it('loses nothing, keeps the order of every key, and repeats at most one send each time', async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      // The first save is the claim of a new owner.
      const last = await until(STEPS[randomInt(STEPS.length)]!, randomInt(1, 6), randomInt(5));
      killedAt.set(last, (killedAt.get(last) ?? 0) + 1);
    }
    expect(await until('at the end', 1, 0)).toBe('at the end');
    expect(killedAt.has('at the end')).toBe(false);

    const store = await SqliteEventStore.open({ file });
    const { missing, disorder, duplicates, events } = await reconcile(store, job.address, prefix);
    await store.close();
    expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
    expect(events).toBeGreaterThanOrEqual(EVENTS);
    for (const count of Object.values(duplicates)) expect(count).toBeLessThanOrEqual(KILLS * BATCH);
    console.info(
      `killed at ${JSON.stringify(Object.fromEntries(killedAt))}: ${JSON.stringify({ events, duplicates })}`,
    );
  }, 1_200_000);
});
