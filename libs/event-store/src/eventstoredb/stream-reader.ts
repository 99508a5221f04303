import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { AnotherCopy, LogTruncated, type Recorded, Slices, StoreUnavailable } from '@gatehouse/eventsourcing';
import { type EsdbEvent, wireEvent } from './esdb-event';
import { type Fault, faultOf, mayPass } from './fault';
import type { KnownIds } from './known-ids';
import { type Limited, limits, metadataOf } from './limited';
import { streamLast, streamPage } from './requests';
import type { Retries } from './retries';
import type { Wire } from './wire';

/** Events in a page: few at first, because many a reader wants one event. */
const FIRST_PAGE = 32;
const PAGE = 500;
const LAST_REVISION = 2n ** 63n - 1n;

/** What one page came to. */
interface Page {
  events: number;
  found: boolean;
  /** The last revision of the stream, where the server says it. */
  last: bigint | undefined;
}

/** Reads streams, in pages, and sees to it that no revision is left out. */
export class StreamReader {
  constructor(
    private readonly wire: Wire,
    private readonly prefix: string,
    private readonly known: KnownIds,
    private readonly limited: Limited,
    private readonly retries: Retries,
  ) {}

  /** What the server calls a stream. */
  nameOf(stream: string): string {
    return this.prefix + stream;
  }

  /** As the port says: from a revision to the end, contiguous, else `LogTruncated`; `StoreUnavailable` when it cannot be read. */
  async *read(stream: string, from: bigint): AsyncGenerator<Recorded> {
    if (from > 0n) await this.whole(stream);
    const wanted = from < 0n ? 0n : from;
    // What was there before has to be there still, or this is another copy of the log, or its end was taken away.
    const before = wanted > 0n && this.known.has(stream, wanted - 1n);
    const first = before ? wanted - 1n : wanted;
    let next = first;
    const slices = new Slices();
    const tries = this.retries.begin();
    for (let size = FIRST_PAGE; next <= LAST_REVISION; size = PAGE) {
      const page: Page = { events: 0, found: true, last: undefined };
      try {
        for await (const event of this.page(stream, next, size, page)) {
          tries.progress();
          next += 1n;
          if (event.revision < wanted) continue;
          yield event;
          if (slices.over()) await slices.next();
        }
      } catch (error) {
        if (isOurs(error)) throw error;
        await this.again(stream, next, faultOf(error), tries);
        continue;
      }
      if (page.events >= size) continue;
      return this.ended(stream, next, page);
    }
  }

  /** Throws `LogTruncated` when there are metadata that took the beginning of the stream away. */
  async whole(stream: string): Promise<void> {
    if (this.limited.has(stream)) await this.at(stream, 0n);
  }

  /** The event at a revision. Throws `LogTruncated` when there is none. */
  async at(stream: string, revision: bigint): Promise<EsdbEvent> {
    const tries = this.retries.begin();
    for (;;) {
      try {
        for await (const event of this.page(stream, revision, 1, { events: 0, found: true, last: undefined }))
          return event;
      } catch (error) {
        if (isOurs(error)) throw error;
        await this.again(stream, revision, faultOf(error), tries);
        continue;
      }
      throw new LogTruncated(stream, revision);
    }
  }

  /**
   * The first revision of a stream behind a position; 0n when there is no stream. Positions grow with revisions, so it is looked
   * for by halves, beginning at the end: few calls, however long the stream is. Throws as `read` does.
   */
  async firstBehind(stream: string, position: bigint): Promise<bigint> {
    if (position <= 0n) return 0n;
    const last = await this.last(stream);
    if (last === undefined) return 0n;
    if (last.position <= position) return last.revision + 1n;
    let first = 0n;
    let end = last.revision;
    while (first < end) {
      const middle = (first + end) / 2n;
      if ((await this.at(stream, middle)).position > position) end = middle;
      else first = middle + 1n;
    }
    return first;
  }

  /** The last event of a stream, as the server has it now; undefined when there is none. */
  private async last(stream: string): Promise<EsdbEvent | undefined> {
    const tries = this.retries.begin();
    for (;;) {
      try {
        for await (const answer of this.wire.read(streamLast(this.nameOf(stream)))) {
          const event = eventOf(answer);
          if (event) return this.verified(stream, wireEvent(event, this.prefix).revision, event);
        }
        return undefined;
      } catch (error) {
        if (isOurs(error)) throw error;
        await this.again(stream, 0n, faultOf(error), tries);
      }
    }
  }

  private async *page(stream: string, from: bigint, size: number, page: Page): AsyncGenerator<EsdbEvent> {
    let next = from;
    for await (const answer of this.wire.read(streamPage(this.prefix + stream, from, size))) {
      if (answer.hasStreamNotFound()) page.found = false;
      if (answer.hasLastStreamPosition()) page.last = BigInt(answer.getLastStreamPosition());
      const event = eventOf(answer);
      if (!event) continue;
      page.events += 1;
      yield this.verified(stream, next++, event);
    }
  }

  /** The event, which has to be that revision. Throws `LogTruncated`, or `StoreUnavailable` when it is not of our making. */
  verified(stream: string, revision: bigint, event: ReadResp.ReadEvent.RecordedEvent): EsdbEvent {
    const { recorded, revision: there, position } = wireEvent(event, this.prefix);
    if (there !== revision) throw new LogTruncated(stream, revision);
    if (position === undefined)
      throw new StoreUnavailable('EventStoreDB gave no position; it has to be 22.10 or later');
    if (!recorded)
      throw new StoreUnavailable(
        `revision ${revision} of stream ${this.prefix}${stream} in EventStoreDB was not written by Gatehouse; nothing else may write there`,
      );
    if (this.known.differs(stream, revision, recorded.id)) throw this.anotherCopy(stream, revision);
    this.known.learn(stream, revision, recorded.id);
    return recorded;
  }

  /** Nothing more came. That may also be because somebody has hidden what was there. */
  private async ended(stream: string, next: bigint, page: Page): Promise<void> {
    if (page.last !== undefined && page.last >= next) throw new LogTruncated(stream, next);
    // A stream that exists has its first event, unless all that it had is hidden.
    if (page.found && next === 0n) throw new LogTruncated(stream, 0n);
    const gone = this.known.has(stream, next) || (!page.found && this.known.has(stream, 0n));
    if ((gone || !page.found) && (await this.deleted(stream))) throw new LogTruncated(stream, next);
    if (gone) throw this.anotherCopy(stream, next);
    if (!page.found) this.known.begin(stream);
  }

  /** What was there is not there any more, and nobody has truncated it. What was known of the stream is forgotten. */
  private anotherCopy(stream: string, revision: bigint): AnotherCopy {
    this.known.forget(stream);
    return new AnotherCopy(
      `EventStoreDB holds another copy of the log than before: it lacks what was revision ${revision} of stream ${this.prefix}${stream}`,
    );
  }

  /** To a reader, a stream that was deleted softly looks like one that never was. Its metadata tell that it may be so. */
  async deleted(stream: string): Promise<boolean> {
    const tries = this.retries.begin();
    for (;;) {
      try {
        for await (const answer of this.wire.read(streamPage(metadataOf(this.nameOf(stream)), 0n, 1)))
          if (eventOf(answer)) return limits(eventOf(answer)!);
        return false;
      } catch (error) {
        const fault = faultOf(error);
        if (fault.kind === 'deleted') return true;
        await this.again(stream, 0n, fault, tries);
      }
    }
  }

  /** Resolves after a pause when the same may be tried again, else throws what the port says. */
  async again(
    stream: string,
    next: bigint,
    fault: Fault,
    tries: ReturnType<Retries['begin']>,
  ): Promise<void> {
    if (fault.kind === 'deleted') throw new LogTruncated(stream, next);
    if (mayPass(fault) && (await tries.another())) return;
    const what = fault.kind === 'denied' ? 'the user may not read' : 'cannot read';
    throw new StoreUnavailable(`${what} stream ${this.prefix}${stream} in EventStoreDB: ${fault.message}`, {
      cause: fault,
    });
  }
}

/** Whether it is an error of the port already. */
export function isOurs(error: unknown): boolean {
  return error instanceof LogTruncated || error instanceof StoreUnavailable;
}

export function eventOf(answer: ReadResp): ReadResp.ReadEvent.RecordedEvent | undefined {
  return answer.hasEvent() ? answer.getEvent()?.getEvent() : undefined;
}
