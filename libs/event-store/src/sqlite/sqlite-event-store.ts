import { dirname, resolve } from 'node:path';
import { canonicalJson } from '@gatehouse/canonical';
import {
  type Appended,
  checkAppend,
  EventTooLarge,
  type LogState,
  MAX_EVENT_BYTES,
  type NewEvent,
  type ReadAllOptions,
  type Recorded,
} from '@gatehouse/eventsourcing';
import type { OpenStore, StoreStats } from '../open-store';
import { Commits } from './commits';
import { Cursor, SharedSlices, type Source } from './cursor';
import { makeFolder, sync } from './folder';
import type { EventText } from './log-writer';
import { ProcessLock } from './process-lock';
import { LogReader } from './reader';
import { Writer } from './writer';

export interface SqliteOptions {
  /** The file of the log; its folder is made if need be. */
  readonly file: string;
  /** For so long a full disk may stay full before `failed` resolves. */
  readonly giveUpMs?: number;
  /** About so many pages of 4 KiB may wait in the WAL. More: fewer pauses; less: a quicker start after a crash. */
  readonly checkpointPages?: number;
}

const GIVE_UP_MS = 30_000;
/** 16 MiB, which a start after a crash reads again in some 30 ms. */
const CHECKPOINT_PAGES = 4_000;

async function readerOf(file: string, writer: Writer): Promise<LogReader> {
  try {
    return new LogReader(file);
  } catch (error) {
    await writer.close();
    throw error;
  }
}

function toText({ id, type, data, meta }: NewEvent): EventText {
  const text = { id, type, meta: canonicalJson(meta), data: canonicalJson(data) };
  const bytes = Buffer.byteLength(text.meta) + Buffer.byteLength(text.data);
  if (bytes > MAX_EVENT_BYTES) throw new EventTooLarge(bytes);
  return text;
}

/**
 * The event log in one SQLite file, of one process. Appends are committed by a thread, as many at once as are
 * waiting; reads are short statements on this thread. What is durable when: the README beside this file.
 */
export class SqliteEventStore implements OpenStore {
  readonly shared = false;
  /** Resolves when the log cannot be written any more and only a new process helps: exit non-zero. Never rejects. */
  readonly failed: Promise<Error>;

  private constructor(
    private readonly lock: ProcessLock,
    private readonly writer: Writer,
    private readonly reader: LogReader,
    private readonly commits: Commits,
    private readonly slices: SharedSlices,
  ) {
    this.failed = writer.failed;
  }

  /** Opens the log, or makes one. Rejects when another process has it, or when commits would not be durable. */
  static async open(options: SqliteOptions): Promise<SqliteEventStore> {
    const { giveUpMs = GIVE_UP_MS, checkpointPages = CHECKPOINT_PAGES } = options;
    const file = resolve(options.file);
    makeFolder(dirname(file));
    const lock = ProcessLock.take(file);
    const commits = new Commits();
    const slices = new SharedSlices();
    const onCommit = () => {
      slices.begin();
      commits.wake();
    };
    try {
      const writer = await Writer.start({ file, giveUpMs, checkpointPages }, onCommit);
      sync(dirname(file));
      return new SqliteEventStore(lock, writer, await readerOf(file, writer), commits, slices);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    checkAppend(stream, expected, events);
    return this.writer.append({ stream, expected, events: events.map(toText) });
  }

  read(stream: string, from = 0n): AsyncIterable<Recorded> {
    const page = this.reader.stream(stream, from);
    return this.cursor({ page, stopped: () => false, wait: () => Promise.resolve() });
  }

  readAll(after: bigint, { follow, signal, prefix = '', stream }: ReadAllOptions): AsyncIterable<Recorded> {
    const page =
      stream === undefined
        ? this.reader.all(after, { follow, prefix })
        : this.reader.allOf(stream, after, { follow });
    return this.cursor({ page, stopped: () => signal.aborted, wait: () => this.commits.next(signal) });
  }

  async log(): Promise<LogState> {
    return { logId: this.reader.logId, head: this.reader.head() };
  }

  /** Figures for /metrics. */
  stats(): StoreStats {
    return { ...this.writer.stats(), silentMs: 0 };
  }

  /** The writer says by itself when it takes no writes, and tries again by itself. */
  async check(): Promise<void> {}

  /** Waits for the appends under way, refuses new ones, ends the followers, lets go of the file. */
  async close(): Promise<void> {
    this.reader.close();
    this.commits.wake();
    await this.writer.close();
    this.lock.release();
  }

  private cursor(source: Omit<Source, 'texts'>): Cursor {
    return new Cursor({ ...source, texts: (position) => this.reader.texts(position) }, this.slices);
  }
}
