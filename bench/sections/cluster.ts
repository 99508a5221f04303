import { openEventStoreDb } from '@gatehouse/event-store';
import { follow, type Checkpoint, type Follower } from '@gatehouse/eventsourcing';
import { Cluster, untilReady } from '../../test/support/cluster';
import { HttpClient } from '../../test/support/http';
import { UNLIMITED } from '../../test/support/service';
import { type Bench, evaluationPlan, livePlan, MODELS, withLiveModels } from '../bench';
import { Generator } from '../processes';

const SECTION = 'cluster';
const CLIENTS = 16;
const MOST_WAIT_MS = 300_000;

/**
 * Replicas on the wire-level EventStoreDB of the tests, which is a process of ours on this machine: what the adapter and the service
 * cost, not what a server of its own could do.
 */
export async function cluster(bench: Bench): Promise<void> {
  const running = await Cluster.start(1, UNLIMITED);
  try {
    const [first] = running.replicas;
    const http = new HttpClient(first!.http);
    await withLiveModels(http, MODELS);
    const [written] = await bench.compare([await evaluationPlan(first!.http, MODELS)], CLIENTS);
    bench.add({
      section: SECTION,
      name: `evaluate, 64 models, ${CLIENTS} clients, one replica`,
      unit: '/s',
      ours: written!.perSecond,
    });
    bench.add({ section: SECTION, name: '  p99', unit: 'ms', ours: written!.p99 });
    bench.add({
      section: SECTION,
      name: 'a follower from the start of the log',
      unit: 'events/s',
      ours: await followed(running.store.connectionString),
    });
    await reads(bench, running);
    http.close();
  } finally {
    await running.stop();
  }
}

/** Takes what it is given and keeps nothing: what is measured is the reading. */
class Idle implements Follower {
  readonly name = 'idle';
  events = 0;
  private at: Checkpoint | null = null;

  async checkpoint(): Promise<Checkpoint | null> {
    return this.at;
  }

  async handle(batch: readonly unknown[], checkpoint: Checkpoint): Promise<void> {
    this.events += batch.length;
    this.at = checkpoint;
  }

  async reset(): Promise<void> {
    this.events = 0;
  }
}

async function followed(connection: string): Promise<number> {
  const store = await openEventStoreDb({ connection });
  const { head } = await store.log();
  const leaving = new AbortController();
  const idle = new Idle();
  const began = performance.now();
  const following = follow(store, idle, { signal: leaving.signal });
  if (!(await following.reached(head, MOST_WAIT_MS)))
    throw new Error(`the follower never came to the end: ${following.status().error}`);
  const seconds = (performance.now() - began) / 1_000;
  leaving.abort();
  await following.done;
  await store.close();
  return idle.events / seconds;
}

/** Look-ups on one replica, then as many clients on each of two, both at once. On two cores they share what there is. */
async function reads(bench: Bench, running: Cluster): Promise<void> {
  const [alone] = await bench.compare([await livePlan(running.replicas[0]!.http, MODELS)], CLIENTS);
  await untilReady(await running.add());
  const second = new Generator();
  const { seconds } = bench.scale;
  const job = async (at: number) => ({
    plan: await livePlan(running.replicas[at]!.http, MODELS),
    clients: CLIENTS,
    seconds,
  });
  const both = await Promise.all([bench.generator.run(await job(0)), second.run(await job(1))]);
  second.stop();
  bench.add({
    section: SECTION,
    name: `live, HTTP, ${CLIENTS} clients, 1 replica`,
    unit: '/s',
    ours: alone!.perSecond,
  });
  bench.add({
    section: SECTION,
    name: `  the same on each of 2 replicas, together`,
    unit: '/s',
    ours: both.reduce((sum, one) => sum + one.perSecond, 0),
    baseline: { name: '1 replica', value: alone!.perSecond },
  });
}
