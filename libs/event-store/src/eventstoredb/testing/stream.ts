import type { EsdbLog } from './log';
import type { LoggedEvent } from './record';

interface Limits {
  readonly $tb?: number;
  readonly $maxCount?: number;
  readonly $maxAge?: number;
}

/** The events of one stream, index = revision, and what its metadata lets a reader see of them. */
export class Stream {
  readonly events: LoggedEvent[] = [];
  tombstoned = false;
  private limits: Limits = {};
  private limitsFrom = -1;

  constructor(
    readonly name: string,
    private readonly log: EsdbLog,
  ) {}

  get lastRevision(): number {
    return this.events.length - 1;
  }

  /** Hidden as a whole, by a "$tb" beyond any revision. */
  softlyDeleted(): boolean {
    return (this.metadata().$tb ?? 0) > Number.MAX_SAFE_INTEGER;
  }

  /** The first revision that can be read; beyond the last one when none can. */
  firstRevision(): number {
    const { $tb = 0, $maxCount = this.name.startsWith('$$') ? 1 : undefined, $maxAge } = this.metadata();
    let first = Math.min($tb, this.events.length);
    if ($maxCount !== undefined) first = Math.max(first, this.events.length - $maxCount);
    if ($maxAge === undefined) return first;
    const oldest = Date.now() - $maxAge * 1000;
    while (first < this.events.length && this.events[first]!.created < oldest) first++;
    return first;
  }

  private metadata(): Limits {
    const events = this.log.stream(`$$${this.name}`)?.events;
    if (!events || events.length - 1 === this.limitsFrom) return this.limits;
    this.limitsFrom = events.length - 1;
    // Whatever a client wrote as metadata; only numbers under the three names have a meaning here.
    this.limits = JSON.parse(Buffer.from(events.at(-1)!.data).toString() || '{}') as Limits;
    return this.limits;
  }
}
