import { type InjectedEvent, proposal } from './injected';
import { judge } from './judge';
import { Noise } from './noise';
import {
  type AppendOutcome,
  type Expected,
  type LoggedEvent,
  type ProposedEvent,
  recordLength,
} from './record';
import { Stream } from './stream';

/** "$tb" of a stream that was deleted softly: the greatest revision there is. */
const DELETED = 2 ** 63;

export interface LogOptions {
  /** Where the first record begins; a log that has lived has positions beyond 2^32. Default 0. */
  readonly origin?: number;
  /** System events that a fresh server writes before anything of ours. Default true. */
  readonly systemEvents?: boolean;
  /** The share of appends that somebody else's event goes in front of: a foreign stream's, or a `$` one. Default 0.2. */
  readonly noise?: number;
  readonly noiseSeed?: number;
}

/** One log in memory. Several servers may front it, as the nodes of a cluster do. */
export class EsdbLog {
  private all: LoggedEvent[] = [];
  private readonly streams = new Map<string, Stream>();
  private readonly byId = new Map<string, LoggedEvent>();
  private readonly waiting = new Set<() => void>();
  private readonly noise: Noise;
  private end: number;

  constructor(options: LogOptions = {}) {
    this.end = options.origin ?? 0;
    this.noise = new Noise(options.noise ?? 0.2, options.noiseSeed ?? 1);
    if (options.systemEvents === false) return;
    this.inject('$settings', [{ type: '$settings', data: {} }]);
    this.inject('$user-admin', [{ type: '$UserCreated', data: { loginName: 'admin' } }]);
    this.inject('$users', [{ type: '$User', data: 'admin' }]);
  }

  /** What a backup has that was made when there were so many events: the same log, and shorter. */
  older(count: number): EsdbLog {
    const copy = new EsdbLog({ systemEvents: false, noise: 0 });
    for (const event of this.all.slice(0, count)) {
      copy.end = event.position;
      copy.write(copy.streams.get(event.stream) ?? new Stream(event.stream, copy), event);
    }
    return copy;
  }

  /** Appends all or nothing, by the rules of the real server: event ids are compared, payloads never. */
  append(stream: string, expected: Expected, proposed: readonly ProposedEvent[]): AppendOutcome {
    const existing = this.streams.get(stream) ?? new Stream(stream, this);
    const verdict = judge(existing, expected, proposed, (id) => this.byId.get(id));
    if (verdict !== 'write') return verdict;
    this.makeNoise();
    const written = proposed.map((event) => this.write(existing, event));
    if (existing.softlyDeleted()) this.truncate(stream, existing.lastRevision - written.length + 1);
    this.wake();
    const last = written.at(-1);
    return {
      kind: 'appended',
      revision: existing.lastRevision,
      position: last?.position ?? this.end,
      again: false,
    };
  }

  /** Writes raw events of anybody, without a check: foreign streams, `$` streams, links. Data are JSON or bytes. */
  inject(stream: string, events: readonly InjectedEvent[]): LoggedEvent[] {
    const into = this.streams.get(stream) ?? new Stream(stream, this);
    const written = events.map((event) => this.write(into, proposal(event)));
    this.wake();
    return written;
  }

  /** Truncates as `$tb` does: revisions begin at `before`; `$all` keeps the events until a scavenge. */
  truncate(stream: string, before: number): void {
    this.setMetadata(stream, { $tb: before });
  }

  /** Sets stream metadata ($tb, $maxCount, $maxAge in seconds), in place of what was there. */
  setMetadata(stream: string, metadata: Readonly<Record<string, unknown>>): void {
    this.inject(`$$${stream}`, [{ type: '$metadata', data: metadata }]);
  }

  /** Deletes softly: not found when read, goes on at the next revision when appended to. */
  softDelete(stream: string): void {
    this.truncate(stream, DELETED);
  }

  /** Deletes for ever: whatever is done with the stream is refused as deleted. */
  tombstone(stream: string): void {
    this.inject(stream, [{ type: '$streamDeleted', data: '' }]);
    this.streams.get(stream)!.tombstoned = true;
  }

  /** Takes out of `$all` what truncation has hidden. */
  scavenge(): void {
    this.all = this.all.filter(
      ({ stream, revision }) => revision >= this.streams.get(stream)!.firstRevision(),
    );
  }

  stream(name: string): Stream | undefined {
    return this.streams.get(name);
  }

  /** The whole of `$all`, in order. */
  events(): readonly LoggedEvent[] {
    return this.all;
  }

  /** Where the next record will begin. */
  get endPosition(): number {
    return this.end;
  }

  /** The index in `$all` of the first event at or behind a position. */
  indexOf(position: number): number {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.all[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Whether there is a record that begins there. A real server cannot read from the middle of one, and may refuse the
   * place of one that a scavenge took, or one that is beyond the end: here it always does.
   */
  isRecord(position: number): boolean {
    return this.all[this.indexOf(position)]?.position === position;
  }

  /** Resolves when something is appended after the call, or at once when aborted. */
  moved(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** What other users of the store and the store itself write in between. */
  private makeNoise(): void {
    const other = this.noise.next();
    if (!other) return;
    this.end += other.gap;
    this.inject(other.stream, [other.event]);
  }

  private write(stream: Stream, proposed: ProposedEvent): LoggedEvent {
    this.streams.set(stream.name, stream);
    const event: LoggedEvent = {
      ...proposed,
      stream: stream.name,
      revision: stream.lastRevision + 1,
      position: this.end,
      created: Date.now(),
    };
    this.end += recordLength(stream.name, proposed);
    stream.events.push(event);
    this.all.push(event);
    this.byId.set(event.id, event);
    return event;
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
