import {
  type Appended,
  checkAppend,
  EventIdReused,
  type LogState,
  type NewEvent,
  OutcomeUnknown,
  type ReadAllOptions,
  type Recorded,
  StoreUnavailable,
} from '@gatehouse/eventsourcing';
import type { OpenStore, StoreStats } from '../open-store';
import { Appender } from './appender';
import { Connection } from './connection';
import { type EventBytes, toBytes } from './envelope';
import { LogIdentity } from './identity';
import { KnownIds } from './known-ids';
import { Lanes } from './lanes';
import { Limited } from './limited';
import { LogReader } from './log-reader';
import { Retries } from './retries';
import { startUp } from './start-up';
import { StreamFollower } from './stream-follower';
import { STREAM_PREFIX, STREAM_PREFIX_MEANS } from './stream-prefix';
import { StreamReader } from './stream-reader';
import { Vitals } from './vitals';
import { Wire } from './wire';

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`, with user, password and TLS. Never logged. */
  readonly connection: string;
  /** What the names of our streams begin with on the server. */
  readonly prefix?: string;
  /** For so long one call may be without an answer. */
  readonly timeoutMs?: number;
  /** For so long something that may pass is tried again before the caller is told. */
  readonly giveUpMs?: number;
  /** For so long the start waits for a server that does not answer. */
  readonly startMs?: number;
  /** For so long a subscription may be quiet before it is looked after. */
  readonly quietMs?: number;
  /** How many ids of events are kept in memory (100 bytes each). */
  readonly knownIds?: number;
  /** Told why the start waits. */
  readonly onWaiting?: (why: string) => void;
  /** Called at the end of `close`. */
  readonly onClosed?: () => void;
}

const DEFAULTS = {
  prefix: 'gatehouse-',
  timeoutMs: 3_000,
  giveUpMs: 5_000,
  startMs: 30_000,
  quietMs: 2_000,
  knownIds: 200_000,
  onWaiting: () => {},
  onClosed: () => {},
};

/**
 * The event log in an EventStoreDB, which other processes append to as well. What is durable when, and what becomes of
 * an append when something breaks: the README beside this file.
 */
export class EventStoreDbEventStore implements OpenStore {
  readonly shared = true;
  /** Never resolves: whatever happens to the server, this process can go on when it is back. */
  readonly failed = new Promise<Error>(() => {});
  private readonly lanes = new Lanes();
  private readonly figures = { batches: 0, appends: 0, commitSeconds: 0 };
  private closed = false;

  private constructor(
    private readonly logId: string,
    private readonly connection: Connection,
    private readonly wire: Wire,
    private readonly retries: Retries,
    private readonly vitals: Vitals,
    private readonly streams: StreamReader,
    private readonly one: StreamFollower,
    private readonly all: LogReader,
    private readonly appender: Appender,
    private readonly onClosed: () => void,
  ) {}

  /** Opens the log, or makes one. Rejects with what is missing on the server and what to do. */
  static async open(options: EventStoreDbOptions): Promise<EventStoreDbEventStore> {
    const chosen = { ...DEFAULTS, ...options };
    const { prefix, timeoutMs } = chosen;
    checkPrefix(prefix);
    const connection = new Connection(chosen.connection);
    const wire = new Wire(connection, timeoutMs);
    try {
      const identity = new LogIdentity(wire, prefix);
      const { logId, event } = await startUp({ ...chosen, connection, wire, identity });
      const retries = new Retries(chosen.giveUpMs);
      const known = new KnownIds(chosen.knownIds);
      const limited = new Limited();
      const streams = new StreamReader(wire, prefix, known, limited, retries);
      const one = new StreamFollower(wire, streams, retries, chosen.quietMs);
      const log = new LogReader(wire, prefix, streams, limited, retries, chosen.quietMs);
      const appender = new Appender(wire, streams, known, retries);
      return new EventStoreDbEventStore(
        logId,
        connection,
        wire,
        retries,
        new Vitals(identity, event),
        streams,
        one,
        log,
        appender,
        chosen.onClosed,
      );
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    checkAppend(stream, expected, events);
    const bytes = events.map(toBytes);
    const twice = bytes.find(({ id }, index) => bytes.findIndex((other) => other.id === id) !== index);
    if (twice) throw new EventIdReused(twice.id);
    const size = bytes.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);
    return this.lanes.run(stream, size, () => this.timed(stream, expected, bytes));
  }

  read(stream: string, from = 0n): AsyncIterable<Recorded> {
    return this.whileOpen(() => this.streams.read(stream, from));
  }

  readAll(after: bigint, { follow, signal, prefix = '', stream }: ReadAllOptions): AsyncIterable<Recorded> {
    if (stream !== undefined) return this.whileOpen(() => this.one.behind(after, stream, { follow, signal }));
    const from = { prefix, signal };
    return this.whileOpen(() => (follow ? this.all.follow(after, from) : this.all.toHead(after, from)));
  }

  async log(): Promise<LogState> {
    this.assertOpen();
    return { logId: this.logId, head: await this.all.head() };
  }

  /** Figures for /metrics. Each append is a batch of its own. */
  stats(): StoreStats {
    const { writable, reason, silentMs } = this.vitals;
    return { ...this.figures, queued: this.lanes.queued, writable, reason, silentMs };
  }

  check(): Promise<void> {
    return this.vitals.check();
  }

  /** Waits for the appends under way, refuses new ones, ends the followers and the connection. */
  async close(): Promise<void> {
    await this.lanes.close();
    this.closed = true;
    this.vitals.stop();
    this.retries.stop();
    this.wire.close();
    await this.connection.close();
    this.onClosed();
  }

  private async timed(stream: string, expected: bigint, events: readonly EventBytes[]): Promise<Appended> {
    const started = performance.now();
    try {
      const appended = await this.appender.append({ stream, expected, events });
      this.figures.batches += 1;
      this.figures.appends += 1;
      this.figures.commitSeconds += (performance.now() - started) / 1_000;
      this.vitals.wrote();
      return appended;
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof OutcomeUnknown) this.vitals.failed(error);
      throw error;
    }
  }

  private async *whileOpen(events: () => AsyncIterable<Recorded>): AsyncGenerator<Recorded> {
    this.assertOpen();
    yield* events();
  }

  private assertOpen(): void {
    if (this.closed) throw new StoreUnavailable('the log is closed');
  }
}

function checkPrefix(prefix: string): void {
  if (!STREAM_PREFIX.test(prefix))
    throw new Error(`the prefix of the streams in EventStoreDB ${STREAM_PREFIX_MEANS}`);
}
