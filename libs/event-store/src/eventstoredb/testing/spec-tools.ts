import { randomUUID } from 'node:crypto';
import {
  type AllStreamSubscription,
  EventStoreDBClient,
  type EventStoreDBClient as Client,
  jsonEvent,
  type JSONEventType,
} from '@eventstore/db-client';
import { type EventStoreDbOptions, EventStoreDbEventStore } from '../eventstoredb-event-store';
import { EsdbCluster } from './cluster';
import { EsdbServer, type EsdbServerOptions } from './server';

/** Of a store that a test opens: short, so that what goes wrong is over soon. */
const SHORT = { timeoutMs: 300, giveUpMs: 2_000, startMs: 2_000, quietMs: 100 };

/** Servers and clients of one test, gone after it. */
export class Bench {
  private readonly undo: (() => Promise<unknown>)[] = [];

  async server(options: EsdbServerOptions = {}): Promise<{ server: EsdbServer; client: Client }> {
    const server = new EsdbServer(options);
    await server.start();
    this.undo.push(() => server.stop());
    return { server, client: this.client(server.connectionString) };
  }

  async cluster(
    size: number,
    options: EsdbServerOptions = {},
  ): Promise<{ cluster: EsdbCluster; client: Client }> {
    const cluster = new EsdbCluster(size, options);
    await cluster.start();
    this.undo.push(() => cluster.stop());
    return { cluster, client: this.client(cluster.connectionString) };
  }

  /** The adapter, with times that are short unless said otherwise. */
  async store(
    connection: string,
    options: Partial<EventStoreDbOptions> = {},
  ): Promise<EventStoreDbEventStore> {
    const store = await EventStoreDbEventStore.open({ ...SHORT, connection, ...options });
    this.undo.push(() => store.close());
    return store;
  }

  client(connectionString: string): Client {
    const client = EventStoreDBClient.connectionString(connectionString);
    this.undo.push(() => client.dispose());
    return client;
  }

  async clear(): Promise<void> {
    for (const undo of this.undo.splice(0).reverse()) await undo();
  }
}

export function event(data: JSONEventType['data'] = {}, id: string = randomUUID(), type = 'tested') {
  return jsonEvent({ id, type, data });
}

/** The revisions of a stream as a reader sees them. */
export async function revisions(client: Client, stream: string, options = {}): Promise<number[]> {
  const seen: number[] = [];
  for await (const { event } of client.readStream(stream, options)) seen.push(Number(event!.revision));
  return seen;
}

/** The next so many events of a subscription, then it ends. */
export async function take(subscription: AllStreamSubscription, count: number) {
  const seen = [];
  for await (const { event } of subscription) {
    seen.push(event!);
    if (seen.length === count) break;
  }
  return seen;
}

export const SILENCE = 'silence';

/** What the promise comes to, or silence when it comes to nothing within a while. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof SILENCE> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(SILENCE), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
