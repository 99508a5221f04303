import { type Recorded, SLICE_MS } from '@gatehouse/eventsourcing';
import { type Row, RowEvent, type Texts } from './row-event';

/** Some rows in order, and what to do when they are used up: ask again, wait for the next commit, or end. */
export interface Page {
  readonly rows: readonly Row[];
  readonly then: 'more' | 'wait' | 'end';
}

/** Where a cursor gets its pages. */
export interface Source {
  /** Whether to end now, whatever is left. */
  stopped(): boolean;
  page(): Page;
  /** Resolves when there may be more, or when `stopped` may have changed. */
  wait(): Promise<void>;
  /** The texts of an event that a page leaves out because they are large. */
  texts(position: bigint): Texts;
}

/** All cursors of a store share their slices: together they hold up the event loop no longer than one would. */
export class SharedSlices {
  private started = 0;
  private turn: Promise<void> | null = null;

  /** A turn of the event loop has just begun. */
  begin(): void {
    this.started = performance.now();
  }

  over(): boolean {
    return performance.now() - this.started >= SLICE_MS;
  }

  /** Lets everything else that is waiting have its turn. */
  next(): Promise<void> {
    return (this.turn ??= new Promise((resolve) =>
      setImmediate(() => {
        this.turn = null;
        this.begin();
        resolve();
      }),
    ));
  }
}

const END: IteratorResult<Recorded> = { done: true, value: undefined };

/**
 * Reads page by page: no transaction is open between two pages, and no more than a page is in memory however slow
 * the consumer is. Written as an iterator because an async generator costs a third of the throughput.
 */
export class Cursor implements AsyncIterableIterator<Recorded> {
  private rows: readonly Row[] = [];
  private index = 0;
  private then: Page['then'] = 'more';
  private ended = false;

  constructor(
    private readonly source: Source,
    private readonly slices: SharedSlices,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Recorded>> {
    const ready =
      this.index < this.rows.length && !this.ended && !this.source.stopped() && !this.slices.over();
    // A large event is read from the disk, which may throw: that is `advance`'s, whose promise then rejects.
    if (ready && this.rows[this.index]![6] !== null)
      return Promise.resolve({ done: false, value: this.take() });
    return this.advance();
  }

  async return(): Promise<IteratorResult<Recorded>> {
    this.ended = true;
    this.rows = [];
    return END;
  }

  private async advance(): Promise<IteratorResult<Recorded>> {
    for (;;) {
      if (this.slices.over()) await this.slices.next();
      if (this.ended || this.source.stopped()) return this.return();
      if (this.index < this.rows.length) return { done: false, value: this.take() };
      if (this.then === 'end') return this.return();
      this.turnPage();
      if (this.rows.length === 0 && this.then === 'wait') await this.source.wait();
    }
  }

  private turnPage(): void {
    const { rows, then } = this.source.page();
    this.rows = rows;
    this.then = then;
    this.index = 0;
  }

  private take(): Recorded {
    const row = this.rows[this.index++]!;
    const [position, , , , , meta, data] = row;
    return new RowEvent(row, meta === null || data === null ? this.source.texts(position) : [meta, data]);
  }
}
