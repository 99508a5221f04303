import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStoreDbOptions } from './eventstoredb/eventstoredb-event-store';
import type { OpenStore } from './open-store';
import { ProcessLock } from './sqlite/process-lock';
import { SqliteEventStore } from './sqlite/sqlite-event-store';

type Adapter = typeof import('./eventstoredb/eventstoredb-event-store');

export interface Where {
  /** The data folder of this process: one process has it, wherever the log is. */
  readonly data: string;
  /** A connection string of EventStoreDB; without it the log is `events.db` in the data folder. */
  readonly eventStore?: string | undefined;
  /** What the names of our streams begin with in EventStoreDB. */
  readonly prefix?: string;
  /** For so long one call to EventStoreDB may be without an answer. */
  readonly timeoutMs?: number;
  /** Told why the start waits. */
  readonly onWaiting?: (why: string) => void;
}

/** Opens a log in EventStoreDB. Its client is loaded here only: most processes have the embedded log. */
export async function openEventStoreDb(options: EventStoreDbOptions): Promise<OpenStore> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it at every start
  const { EventStoreDbEventStore } = require('./eventstoredb/eventstoredb-event-store') as Adapter;
  return EventStoreDbEventStore.open(options);
}

/** Opens the log, wherever it is. Rejects with what is wrong and what to do. */
export async function openStore({
  data,
  eventStore,
  prefix,
  timeoutMs,
  onWaiting,
}: Where): Promise<OpenStore> {
  if (eventStore === undefined) return SqliteEventStore.open({ file: join(data, 'events.db') });
  mkdirSync(data, { recursive: true });
  // The embedded log has this lock by itself. Here it keeps a second process out of the views.
  const lock = ProcessLock.take(join(data, 'views.db'));
  try {
    return await openEventStoreDb({
      connection: eventStore,
      ...(prefix !== undefined && { prefix }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(onWaiting && { onWaiting }),
      onClosed: () => lock.release(),
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}
