import type { Statement } from 'better-sqlite3';
import { LogTruncated, StoreUnavailable } from '@gatehouse/eventsourcing';
import type { Page } from './cursor';
import { type Connection, openDatabase } from './database';
import type { Row, Texts } from './row-event';
import { logIdOf } from './schema';

/** Rows in a page: few at first, because many a reader wants one event. */
const FIRST_PAGE = 32;
const PAGE = 256;
/** Texts above this are read one by one, so that a page is 4 MiB at most. */
const LARGE = 16 * 1024;
/** So many positions are looked at in one query: some 4 ms when none of them is wanted. */
const RANGE = 8_192n;

const COLUMNS = `position, stream, revision, id, type,
  iif(octet_length(meta) + octet_length(data) > ${LARGE}, NULL, meta),
  iif(octet_length(meta) + octet_length(data) > ${LARGE}, NULL, data)`;

/** The reading end of the log: a read-only connection on the main thread, one short statement at a time. */
export class LogReader {
  readonly logId: string;
  private readonly db: Connection;
  private readonly ofStream: Statement<[string, bigint, number], Row>;
  private readonly ofStreamTo: Statement<[string, bigint, bigint, number], Row>;
  private readonly lastOf: Statement<[string], bigint | null>;
  private readonly positionOf: Statement<[string, bigint], bigint>;
  private readonly between: Statement<[bigint, bigint, number], Row>;
  private readonly prefixed: Statement<[bigint, bigint, string, string, number], Row>;
  private readonly textsAt: Statement<[bigint], Texts>;
  private readonly last: Statement<[], bigint | null>;

  constructor(file: string) {
    const db = openDatabase(file, { readonly: true });
    this.db = db;
    this.logId = logIdOf(db);
    this.ofStream = db
      .prepare<[string, bigint, number], Row>(
        `SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?`,
      )
      .raw();
    this.ofStreamTo = db
      .prepare<[string, bigint, bigint, number], Row>(
        `SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision >= ? AND position <= ? ORDER BY revision LIMIT ?`,
      )
      .raw();
    this.lastOf = db
      .prepare<[string], bigint | null>('SELECT max(revision) FROM events WHERE stream = ?')
      .pluck();
    this.positionOf = db
      .prepare<[string, bigint], bigint>('SELECT position FROM events WHERE stream = ? AND revision = ?')
      .pluck();
    this.between = db
      .prepare<[bigint, bigint, number], Row>(
        `SELECT ${COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
      )
      .raw();
    // Not LIKE and not a range of names: a prefix is any text, and the scan has to stay in the order of positions.
    this.prefixed = db
      .prepare<[bigint, bigint, string, string, number], Row>(
        `SELECT ${COLUMNS} FROM events WHERE position > ? AND position <= ?
         AND substr(stream, 1, length(?)) = ? ORDER BY position LIMIT ?`,
      )
      .raw();
    this.textsAt = db.prepare<[bigint], Texts>('SELECT meta, data FROM events WHERE position = ?').raw();
    this.last = db.prepare<[], bigint | null>('SELECT max(position) FROM events').pluck();
  }

  /** The position of the last durable event; 0n when there is none. */
  head(): bigint {
    this.assertOpen();
    return this.last.get() ?? 0n;
  }

  /** Pages of a stream, in order of revision. Throws `LogTruncated` at a gap. */
  stream(stream: string, from: bigint): () => Page {
    let next = from < 0n ? 0n : from;
    let size = FIRST_PAGE;
    return () => {
      this.assertOpen();
      const rows = this.ofStream.all(stream, next, size);
      for (const row of rows) if (row[2] !== next++) throw new LogTruncated(stream, next - 1n);
      const then = rows.length < size ? 'end' : 'more';
      size = PAGE;
      return { rows, then };
    };
  }

  /** Pages of the log after a position: to its end as it is now, or (`follow`) with a 'wait' at its end. */
  all(position: bigint, options: { follow: boolean; prefix: string }): () => Page {
    const end = this.head();
    let after = position < 0n ? 0n : position;
    return () => {
      const head = options.follow ? this.head() : end;
      const atEnd = options.follow ? 'wait' : 'end';
      if (after >= head) return { rows: [], then: atEnd };
      const to = after + RANGE < head ? after + RANGE : head;
      const rows = this.range(after, to, options.prefix);
      after = rows.length < PAGE ? to : rows.at(-1)![0];
      return { rows, then: after < head ? 'more' : atEnd };
    };
  }

  /** The same, of one stream. Takes no longer for what the stream holds before the position. */
  allOf(stream: string, position: bigint, options: { follow: boolean }): () => Page {
    const end = this.head();
    let next: bigint | undefined;
    return () => {
      this.assertOpen();
      next ??= this.firstBehind(stream, position);
      const to = options.follow ? this.head() : end;
      const rows = this.ofStreamTo.all(stream, next, to, PAGE);
      for (const row of rows) if (row[2] !== next++) throw new LogTruncated(stream, next - 1n);
      return { rows, then: rows.length === PAGE ? 'more' : options.follow ? 'wait' : 'end' };
    };
  }

  texts(position: bigint): Texts {
    this.assertOpen();
    return this.textsAt.get(position)!;
  }

  close(): void {
    this.db.close();
  }

  /** The first revision of a stream behind a position. Positions grow with revisions, so it is looked for by halves. */
  private firstBehind(stream: string, position: bigint): bigint {
    let first = 0n;
    let end = (this.lastOf.get(stream) ?? -1n) + 1n;
    while (first < end) {
      const middle = (first + end) / 2n;
      const at = this.positionOf.get(stream, middle);
      if (at === undefined) throw new LogTruncated(stream, middle);
      if (at > position) end = middle;
      else first = middle + 1n;
    }
    return first;
  }

  private range(after: bigint, to: bigint, prefix: string): Row[] {
    this.assertOpen();
    if (prefix === '') return this.between.all(after, to, PAGE);
    return this.prefixed.all(after, to, prefix, prefix, PAGE);
  }

  private assertOpen(): void {
    if (!this.db.open) throw new StoreUnavailable('the log is closed');
  }
}
