import { AnotherCopy, LogTruncated, type Recorded, Slices, StoreUnavailable } from '@gatehouse/eventsourcing';
import { type WireEvent, wireEvent } from './esdb-event';
import { Fault, faultOf, mayPass } from './fault';
import type { Limited } from './limited';
import { Patience } from './patience';
import { allBackwards, allLast, allPage, allSubscription } from './requests';
import type { Retries, Tries } from './retries';
import { eventOf, type StreamReader } from './stream-reader';
import { StallWatch } from './stall-watch';
import { unbroken } from './unbroken';
import type { Reading, Wire } from './wire';

/** Events in a page of a read to the head. They are streamed, and no more than a few are in memory. */
const PAGE = 1_000;

interface From {
  readonly prefix: string;
  readonly signal: AbortSignal;
}

/** Reads `$all`, through one filter on the names of our streams. */
export class LogReader {
  constructor(
    private readonly wire: Wire,
    private readonly prefix: string,
    private readonly streams: StreamReader,
    private readonly limited: Limited,
    private readonly retries: Retries,
    /** For so long a subscription may be quiet before the end of the log is asked for. */
    private readonly quietMs: number,
  ) {}

  /** The position of our last event in streams whose names begin so; 0n when there is none. */
  async head(prefix = '', signal?: AbortSignal): Promise<bigint> {
    return (await this.newest(prefix, signal))?.position ?? 0n;
  }

  /** Our last event there. */
  private async newest(prefix: string, signal?: AbortSignal): Promise<Recorded | undefined> {
    const tries = this.retries.begin();
    const patience = new Patience(this.wire.timeoutMs);
    for (;;) {
      try {
        // One is enough, but for the mark that a deleted stream leaves.
        const last = (count: number) => this.last(prefix, count, this.scan(patience, tries, signal));
        return ((await last(1)) ?? (await last(PAGE)))?.event;
      } catch (error) {
        await this.again(faultOf(error), tries, signal);
      }
    }
  }

  /** To the head as it is now. */
  async *toHead(after: bigint, { prefix, signal }: From): AsyncGenerator<Recorded> {
    if (signal.aborted) return;
    const head = await this.head(prefix, signal);
    const tries = this.retries.begin();
    const patience = new Patience(this.wire.timeoutMs);
    const slices = new Slices();
    const place = new Place(after, after);
    while (place.last < head && !signal.aborted) {
      let seen = 0;
      try {
        const page = allPage(place.begin(), this.prefix + prefix, PAGE);
        for await (const answer of this.wire.read(page, this.scan(patience, tries, signal))) {
          const event = this.eventIn(answer);
          if (!event) continue;
          seen += 1;
          // The first one may be where it began.
          if (place.passed(event.position)) {
            tries.progress();
            patience.rewarded();
          }
          const { recorded } = event;
          if (!recorded || recorded.position <= place.last) continue;
          if (recorded.position > head) return;
          place.last = recorded.position;
          yield recorded;
          // Behind the last one there may be a long way through what is not ours.
          if (signal.aborted || place.last === head) return;
          patience.begin();
          if (slices.over()) await slices.next();
        }
      } catch (error) {
        if (!place.beginsAnew(faultOf(error))) await this.again(faultOf(error), tries, signal);
        continue;
      }
      if (seen < PAGE) return;
    }
  }

  /** On and on until aborted. A subscription that ends, fails or stalls is made anew, and nobody notices. */
  async *follow(after: bigint, { prefix, signal }: From): AsyncGenerator<Recorded> {
    const tries = this.retries.begin();
    const place = await this.beginning(after, prefix, signal);
    const patience = new Patience(this.quietMs);
    const subscribe = () => {
      const watch = new StallWatch(() => this.head(prefix, signal), place, this.quietMs, patience);
      return this.subscription(place, watch, tries, { prefix, signal });
    };
    yield* unbroken(signal, subscribe, async (fault) => {
      if (!place.beginsAnew(fault)) await this.again(fault, tries, signal);
      if (place.event && !signal.aborted) await this.assertThere(place.event);
    });
  }

  /**
   * Before a subscription is made anew behind an event: a server may come back with an older copy of the log, in which
   * other events take its place. Of a stream that was truncated nobody can tell, and the others go on.
   */
  private async assertThere({ stream, revision, id, position }: Recorded): Promise<void> {
    try {
      const there = await this.streams.at(stream, revision);
      if (there.id === id && there.position === position) return;
    } catch (error) {
      if (!(error instanceof LogTruncated)) throw error;
      if (await this.isTruncated(stream)) return;
    }
    throw new AnotherCopy(
      `EventStoreDB holds another copy of the log than before: ${stream}, revision ${revision}, is not ${id}`,
    );
  }

  private async isTruncated(stream: string): Promise<boolean> {
    try {
      for await (const _ of this.streams.read(stream, 0n)) break;
      return false;
    } catch (error) {
      if (error instanceof LogTruncated) return true;
      throw error;
    }
  }

  private async *subscription(
    place: Place,
    watch: StallWatch,
    tries: Tries,
    { prefix, signal }: From,
  ): AsyncGenerator<Recorded> {
    const options = { signal, quietMs: this.quietMs, onQuiet: () => watch.stalled(), anyNode: true };
    for await (const answer of this.wire.read(
      allSubscription(place.begin(), this.prefix + prefix),
      options,
    )) {
      if (answer.hasConfirmation()) tries.stands();
      const checkpoint = answer.hasCheckpoint() && answer.getCheckpoint();
      if (checkpoint) place.taken();
      if (checkpoint && watch.looked(BigInt(checkpoint.getCommitPosition())))
        throw new Fault('lost', 'checkpoints and no events');
      const event = this.eventIn(answer);
      if (!event) continue;
      this.limited.passed(eventOf(answer)!, event.stream, this.prefix);
      const further = place.passed(event.position);
      tries.progress();
      const { recorded } = event;
      if (recorded && recorded.position > place.last) {
        place.last = recorded.position;
        place.event = recorded;
        yield recorded;
      }
      // Only now: whoever reads may be slow, and that is not the server's silence.
      watch.came(further);
    }
  }

  /** Where a follower begins: not beyond the end, which would be taken, and what comes next might be before it. */
  private async beginning(after: bigint, prefix: string, signal: AbortSignal): Promise<Place> {
    if (after <= 0n || signal.aborted) return new Place(after, 0n);
    const newest = await this.newest(prefix, signal);
    const head = newest?.position ?? 0n;
    return new Place(after, after < head ? after : head, newest);
  }

  /** Undefined when none of the last so many is an event of the port; without an `event` when there is none at all. */
  private async last(
    prefix: string,
    count: number,
    scan: Reading,
  ): Promise<{ readonly event?: Recorded } | undefined> {
    let found = false;
    for await (const answer of this.wire.read(allBackwards(this.prefix + prefix, count), scan)) {
      const event = this.eventIn(answer);
      if (event?.recorded) return { event: event.recorded };
      // The log's identity is the first event that it has.
      if (event?.stream === this.prefix) return {};
      found ||= event !== undefined;
    }
    return found ? undefined : {};
  }

  /** A read that may be silent for long, as long as the server answers others. */
  private scan(patience: Patience, tries: Tries, signal: AbortSignal | undefined): Reading {
    patience.begin();
    const onQuiet = async () => {
      if (!(await this.answers(signal))) return true;
      tries.progress();
      return patience.isOver();
    };
    return { signal, onQuiet };
  }

  private async answers(signal: AbortSignal | undefined): Promise<boolean> {
    try {
      for await (const _ of this.wire.read(allLast(), { signal })) break;
      return true;
    } catch {
      return false;
    }
  }

  private eventIn(answer: Parameters<typeof eventOf>[0]): WireEvent | undefined {
    const event = eventOf(answer);
    return event && wireEvent(event, this.prefix);
  }

  private async again(fault: Fault, tries: Tries, signal?: AbortSignal): Promise<void> {
    if (mayPass(fault) && (await tries.another(signal))) return;
    const what =
      fault.kind === 'denied' ? 'the user may not read $all' : `cannot read the log: ${fault.message}`;
    throw new StoreUnavailable(`EventStoreDB: ${what}`, { cause: fault });
  }
}

/** How far a reading has come. */
class Place {
  /** Whether the server has taken the position that the call under way began at. */
  private isTaken = false;

  constructor(
    /** Of the last event given out. */
    public last: bigint,
    /** Where the next read begins: the position of an event, because the server cannot begin anywhere else. */
    private from: bigint,
    /** The last one given out by a follower; before that, the last one that there was when it began. */
    public event?: Recorded,
  ) {}

  /** Where a call begins that is made now. */
  begin(): bigint {
    this.isTaken = false;
    return this.from;
  }

  /** The call gave something. */
  taken(): void {
    this.isTaken = true;
  }

  /** Whether it is further on now. */
  passed(position: bigint | undefined): boolean {
    this.taken();
    const further = position !== undefined && position > this.from;
    if (further) this.from = position;
    return further;
  }

  /**
   * Whether it has to be from the very beginning, because the server refuses to begin there: it has no record at that
   * position, or not any more. Not every version says that this is why; but it says so before it gives anything.
   */
  beginsAnew({ kind }: Fault): boolean {
    if (this.isTaken || this.from <= 0n) return false;
    if (kind !== 'bad-request' && kind !== 'unexplained') return false;
    this.from = 0n;
    return true;
  }
}
