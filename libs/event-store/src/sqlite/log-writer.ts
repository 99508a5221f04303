import type { Statement } from 'better-sqlite3';
import type { Connection } from './database';

/** An append as it goes to the writer: `data` and `meta` are canonical text already. */
export interface AppendRequest {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly EventText[];
}

export interface EventText {
  readonly id: string;
  readonly type: string;
  readonly meta: string;
  readonly data: string;
}

/** What became of one append of a batch. The writer says it after the commit, never before. */
export type Outcome =
  | { readonly kind: 'appended'; readonly position: bigint; readonly revision: bigint }
  | { readonly kind: 'wrong-revision'; readonly actual: bigint }
  | { readonly kind: 'id-reused'; readonly id: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface Committed {
  readonly outcomes: Outcome[];
  /** What the commit took, which is what the disk took to sync. */
  readonly seconds: number;
}

/** The batch did not get as far as its first insert: nothing of it is in the log. */
export class NotBegun extends Error {}

interface KnownEvent extends EventText {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
}

/** So many streams have their last revision in memory; the others cost one look into an index. */
const HEADS = 50_000;
/** Pages that an event touches besides its own text: three B-trees. */
const PAGES_PER_EVENT = 4;

/** The writing end of the log: whole batches, one transaction and one sync each. One per log. */
export class LogWriter {
  private readonly begin: Statement<[]>;
  private readonly commitNow: Statement<[]>;
  private readonly rollback: Statement<[]>;
  private readonly insert: Statement<[bigint, string, bigint, string, string, string, string]>;
  private readonly byId: Statement<[string], KnownEvent>;
  private readonly headOf: Statement<[string], bigint | null>;
  private readonly last: Statement<[], bigint | null>;
  private readonly heads = new Map<string, bigint>();
  /** Of the last event; null when it has to be read again. */
  private position: bigint | null = null;
  private pages = 0;

  /** `checkpointPages`: about so many 4 KiB pages may wait in the WAL. */
  constructor(
    private readonly db: Connection,
    private readonly checkpointPages: number,
  ) {
    this.begin = db.prepare('BEGIN IMMEDIATE');
    this.commitNow = db.prepare('COMMIT');
    this.rollback = db.prepare('ROLLBACK');
    this.insert = db.prepare(
      'INSERT INTO events (position, stream, revision, id, type, meta, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.byId = db.prepare(
      'SELECT position, stream, revision, id, type, meta, data FROM events WHERE id = ?',
    );
    this.headOf = db
      .prepare<[string], bigint | null>('SELECT max(revision) FROM events WHERE stream = ?')
      .pluck();
    this.last = db.prepare<[], bigint | null>('SELECT max(position) FROM events').pluck();
  }

  /**
   * Judges each append on its own, in order, writes those that stand and syncs once. Durable when it returns.
   * Throws `NotBegun` when nothing was written, anything else when the whole batch is in doubt.
   */
  commit(batch: readonly AppendRequest[]): Committed {
    const before = this.start();
    try {
      const outcomes = batch.map((append) => this.judge(append));
      const started = performance.now();
      // Only refusals and repetitions: there is nothing to sync.
      (this.position === before ? this.rollback : this.commitNow).run();
      return { outcomes, seconds: (performance.now() - started) / 1_000 };
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Moves what is in the WAL into the database file, when it is worth it. Between batches, when nobody waits. */
  checkpoint(): void {
    if (this.pages < this.checkpointPages) return;
    this.db.pragma('wal_checkpoint(PASSIVE)');
    this.pages = 0;
  }

  /** A commit that changes no event: whether the disk takes writes again. */
  probe(): void {
    this.db.transaction(() => this.db.exec('UPDATE log SET probes = probes + 1')).immediate();
  }

  private start(): bigint {
    try {
      this.begin.run();
      return (this.position ??= this.last.get() ?? 0n);
    } catch (error) {
      this.abandon();
      throw new NotBegun('the transaction could not begin', { cause: error });
    }
  }

  private judge(append: AppendRequest): Outcome {
    const { stream, expected, events } = append;
    const known = events.map(({ id }) => this.byId.get(id));
    if (known.some((event) => event !== undefined)) return earlier(append, known);
    const twice = events.length > 1 ? repeated(events) : undefined;
    if (twice !== undefined) return { kind: 'id-reused', id: twice };
    const actual = this.head(stream);
    if (actual !== expected) return { kind: 'wrong-revision', actual };
    return this.write(append);
  }

  private write({ stream, expected, events }: AppendRequest): Outcome {
    let position = this.position!;
    let revision = expected;
    for (const { id, type, meta, data } of events) {
      this.insert.run(++position, stream, ++revision, id, type, meta, data);
      this.pages += PAGES_PER_EVENT + ((meta.length + data.length) >> 12);
    }
    this.position = position;
    this.remember(stream, revision);
    return { kind: 'appended', position, revision };
  }

  private head(stream: string): bigint {
    const cached = this.heads.get(stream);
    if (cached !== undefined) return cached;
    const head = this.headOf.get(stream) ?? -1n;
    this.remember(stream, head);
    return head;
  }

  private remember(stream: string, head: bigint): void {
    if (this.heads.size >= HEADS && !this.heads.has(stream)) {
      for (const oldest of this.heads.keys()) {
        this.heads.delete(oldest);
        break;
      }
    }
    this.heads.set(stream, head);
  }

  /** What memory says about the log may be wrong now. On SQLITE_FULL, SQLite has rolled back by itself already. */
  private abandon(): void {
    this.heads.clear();
    this.position = null;
    try {
      if (this.db.inTransaction) this.rollback.run();
    } catch {
      // The error that brought us here says more; a connection that cannot roll back cannot begin again either.
    }
  }
}

/** Some ids are in the log. All of them, unchanged and in a row: the append was done before, here is its result. */
function earlier({ stream, events }: AppendRequest, known: readonly (KnownEvent | undefined)[]): Outcome {
  const first = known[0]?.revision ?? 0n;
  for (const [index, event] of events.entries()) {
    const there = known[index];
    const same =
      there?.stream === stream &&
      there.revision === first + BigInt(index) &&
      there.type === event.type &&
      there.data === event.data &&
      there.meta === event.meta;
    if (!same) return { kind: 'id-reused', id: (there ?? known.find((found) => found !== undefined)!).id };
  }
  const { position, revision } = known.at(-1)!;
  return { kind: 'appended', position, revision };
}

function repeated(events: readonly EventText[]): string | undefined {
  const seen = new Set<string>();
  for (const { id } of events) {
    if (seen.has(id)) return id;
    seen.add(id);
  }
  return undefined;
}
