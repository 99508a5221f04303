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
  private readonly ofStreamBehind: Statement<[string, bigint, bigint, bigint, number], Row>;
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
    this.ofStreamBehind = db
      .prepare<[string, bigint, bigint, bigint, number], Row>(
        `SELECT ${COLUMNS} FROM events WHERE stream = ? AND revision >= ? AND position > ? AND position <= ?
         ORDER BY revision LIMIT ?`,
      )
      .raw();
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

  /** The same, of one stream. */
  allOf(stream: string, position: bigint, options: { follow: boolean }): () => Page {
    const end = this.head();
    let next = 0n;
    return () => {
      this.assertOpen();
      const to = options.follow ? this.head() : end;
      const rows = this.ofStreamBehind.all(stream, next, position, to, PAGE);
      for (const row of rows) {
        if (next > 0n && row[2] !== next) throw new LogTruncated(stream, next);
        next = row[2] + 1n;
      }
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

  private range(after: bigint, to: bigint, prefix: string): Row[] {
    this.assertOpen();
    if (prefix === '') return this.between.all(after, to, PAGE);
    return this.prefixed.all(after, to, prefix, prefix, PAGE);
  }

  private assertOpen(): void {
    if (!this.db.open) throw new StoreUnavailable('the log is closed');
  }
}
