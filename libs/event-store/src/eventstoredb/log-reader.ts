import { LogTruncated, type Recorded, Slices, StoreUnavailable } from '@gatehouse/eventsourcing';
import { type WireEvent, wireEvent } from './esdb-event';
import { Fault, faultOf, mayPass } from './fault';
import type { Limited } from './limited';
import { Patience } from './patience';
import { allBackwards, allLast, allPage, allSubscription } from './requests';
import type { Retries, Tries } from './retries';
import { eventOf, type StreamReader } from './stream-reader';
import { StallWatch } from './stall-watch';
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
    const tries = this.retries.begin();
    const patience = new Patience(this.wire.timeoutMs);
    for (;;) {
      try {
        // One is enough, but for the mark that a deleted stream leaves.
        const last = (count: number) => this.last(prefix, count, this.scan(patience, tries, signal));
        return (await last(1)) ?? (await last(PAGE)) ?? 0n;
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
    const place = new Place(after);
    while (place.last < head && !signal.aborted) {
      let seen = 0;
      try {
        const page = allPage(place.from, this.prefix + prefix, PAGE);
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
    const slices = new Slices();
    // A position beyond the end would be taken, and what comes next might be before it.
    const place = new Place(after, await this.beginning(after, prefix, signal));
    const patience = new Patience(this.quietMs);
    while (!signal.aborted) {
      if (place.event) await this.assertThere(place.event);
      const watch = new StallWatch(() => this.head(prefix, signal), place, this.quietMs, patience);
      try {
        for await (const { recorded } of this.subscription(place, watch, prefix, signal)) {
          tries.progress();
          if (!recorded || recorded.position <= place.last) continue;
          place.last = recorded.position;
          place.event = recorded;
          yield recorded;
          if (signal.aborted) return;
          if (slices.over()) await slices.next();
        }
        throw new Fault('lost', 'the subscription was ended');
      } catch (error) {
        if (signal.aborted) return;
        if (!place.beginsAnew(faultOf(error))) await this.again(faultOf(error), tries, signal);
      }
    }
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
    throw new StoreUnavailable(
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
    prefix: string,
    signal: AbortSignal,
  ): AsyncGenerator<WireEvent> {
    const options = { signal, quietMs: this.quietMs, onQuiet: () => watch.stalled(), anyNode: true };
    for await (const answer of this.wire.read(allSubscription(place.from, this.prefix + prefix), options)) {
      const checkpoint = answer.hasCheckpoint() && answer.getCheckpoint();
      if (checkpoint && watch.looked(BigInt(checkpoint.getCommitPosition())))
        throw new Fault('lost', 'checkpoints and no events');
      const event = this.eventIn(answer);
      if (!event) continue;
      this.limited.passed(eventOf(answer)!, event.stream, this.prefix);
      const further = place.passed(event.position);
      yield event;
      // Only now: whoever reads may be slow, and that is not the server's silence.
      watch.came(further);
    }
  }

  private async beginning(after: bigint, prefix: string, signal: AbortSignal): Promise<bigint> {
    if (after <= 0n || signal.aborted) return 0n;
    const head = await this.head(prefix, signal);
    return after < head ? after : head;
  }

  /** Undefined when none of the last so many is an event of the port. */
  private async last(prefix: string, count: number, scan: Reading): Promise<bigint | undefined> {
    let found = false;
    for await (const answer of this.wire.read(allBackwards(this.prefix + prefix, count), scan)) {
      const event = this.eventIn(answer);
      if (event?.recorded) return event.recorded.position;
      // The log's identity is the first event that it has.
      if (event?.stream === this.prefix) return 0n;
      found ||= event !== undefined;
    }
    return found ? undefined : 0n;
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
  /** The last one given out by a follower. */
  event: Recorded | undefined;
  /** Where the next read begins: the position of an event, because the server cannot begin anywhere else. */
  from: bigint;

  constructor(
    /** Of the last event given out. */
    public last: bigint,
    from = last,
  ) {
    this.from = from;
  }

  /** Whether it is further on now. */
  passed(position: bigint | undefined): boolean {
    const further = position !== undefined && position > this.from;
    if (further) this.from = position;
    return further;
  }

  /**
   * Whether it has to be from the very beginning, because the server refuses to begin there: it has no record at that
   * position, or not any more. Not every version says that this is why.
   */
  beginsAnew({ kind }: Fault): boolean {
    if ((kind !== 'bad-request' && kind !== 'unexplained') || this.from <= 0n) return false;
    this.from = 0n;
    return true;
  }
}
