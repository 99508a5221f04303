import {
  type Appended,
  EventIdReused,
  LogTruncated,
  OutcomeUnknown,
  StoreUnavailable,
  WrongRevision,
} from '@gatehouse/eventsourcing';
import type { EventBytes } from './envelope';
import { Fault, faultOf, inDoubt, mayPass } from './fault';
import type { KnownIds } from './known-ids';
import type { Retries } from './retries';
import type { StreamReader } from './stream-reader';
import type { Wire } from './wire';

/** An append on its way. */
interface Append {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly EventBytes[];
}

/** Appends to one stream: what is known of it is looked up, the server is asked, and what became of it is found out. */
export class Appender {
  constructor(
    private readonly wire: Wire,
    private readonly reader: StreamReader,
    private readonly known: KnownIds,
    private readonly retries: Retries,
  ) {}

  /** As the port says. Two appends to one stream may not run at once. */
  async append(append: Append): Promise<Appended> {
    const tries = this.retries.begin();
    // What was sent and got no answer; from then on only what the log says counts.
    let doubt: Fault | undefined;
    for (;;) {
      let fault: Fault;
      try {
        return await this.attempt(append, doubt !== undefined);
      } catch (error) {
        if (isAnswer(error)) throw error;
        if (error instanceof StoreUnavailable) throw doubt ? unknown(doubt) : error;
        fault = faultOf(error);
      }
      if (inDoubt(fault)) doubt = fault;
      if (mayPass(fault) && (await tries.another())) continue;
      // A wrong revision is read back in the next attempt, which then knows better.
      if (fault.kind === 'wrong-revision' && (await tries.another())) {
        doubt ??= fault;
        continue;
      }
      if (doubt && inDoubt(doubt)) throw unknown(doubt);
      throw refused(fault, append.stream);
    }
  }

  private async attempt(append: Append, readBack: boolean): Promise<Appended> {
    const { stream, expected, events } = append;
    await this.reader.whole(stream);
    if (!readBack && expected < 0n && (await this.mayBegin(stream))) this.known.begin(stream);
    if (readBack || !this.covers(stream, expected)) await this.learn(stream);
    const earlier = await this.earlier(append);
    if (earlier) return earlier;
    if (this.head(stream) !== expected) {
      // What is known may be behind, and the caller is told what is there now.
      if (!readBack) await this.learn(stream);
      const meanwhile = await this.earlier(append);
      if (meanwhile) return meanwhile;
      if (this.head(stream) !== expected) throw new WrongRevision(stream, expected, this.head(stream));
    }
    this.known.touch(stream);
    const last = expected + BigInt(events.length);
    const { revision, position } = await this.wire.append(this.reader.nameOf(stream), expected, events);
    // It went on where a deleted stream had ended: the events before it are gone.
    if (revision !== last) throw new LogTruncated(stream, expected + 1n);
    events.forEach(({ id }, index) => this.known.learn(stream, expected + 1n + BigInt(index), id));
    // Of several events the server's position may be the first one's; of one that was there before, none.
    if (position !== undefined && events.length === 1 && !readBack) return { position, revision };
    return { position: (await this.reader.at(stream, last)).position, revision };
  }

  /** The result of this append if it was done before. Throws `EventIdReused` if its ids are something else's. */
  private async earlier({ stream, events }: Append): Promise<Appended | undefined> {
    const used = events.find(({ id }) => this.known.homeOf(id) !== undefined);
    if (used === undefined) return undefined;
    const first = this.known.revisionOf(stream, events[0]!.id);
    if (
      events.some(({ id }, index) => this.known.revisionOf(stream, id) !== first + BigInt(index)) ||
      first < 0n
    )
      throw new EventIdReused(used.id);
    let appended: Appended | undefined;
    for (const [index, event] of events.entries()) {
      const there = await this.reader.at(stream, first + BigInt(index));
      if (!there.isSame(event)) throw new EventIdReused(event.id);
      appended = { position: there.position, revision: there.revision };
    }
    return appended;
  }

  /**
   * A stream that nobody here has read need not be read to begin it: the server refuses if it is there, and then it is
   * read. What the server does not refuse is to go on where a stream was deleted; that has to be asked.
   */
  private async mayBegin(stream: string): Promise<boolean> {
    return this.known.count(stream) === undefined && !(await this.reader.deleted(stream));
  }

  private covers(stream: string, expected: bigint): boolean {
    return this.known.count(stream) !== undefined && this.head(stream) >= expected;
  }

  /** Of the last event known; -1n when there is none. */
  private head(stream: string): bigint {
    return BigInt(this.known.count(stream) ?? 0) - 1n;
  }

  /** Reads what the stream has got since. */
  private async learn(stream: string): Promise<void> {
    this.known.touch(stream);
    for await (const _ of this.reader.read(stream, this.head(stream) + 1n));
    if (this.known.count(stream) === undefined)
      throw new Fault('not-sent', 'too many streams are read for the first time at once');
  }
}

function isAnswer(error: unknown): boolean {
  return [WrongRevision, EventIdReused, LogTruncated].some((kind) => error instanceof kind);
}

function unknown(cause: Fault): OutcomeUnknown {
  return new OutcomeUnknown(`EventStoreDB did not say what became of the append: ${cause.message}`, {
    cause,
  });
}

function refused(fault: Fault, stream: string): Error {
  const options = { cause: fault };
  switch (fault.kind) {
    case 'deleted':
      return new LogTruncated(stream, 0n);
    case 'denied':
      return new StoreUnavailable('EventStoreDB does not let this user append to our streams', options);
    case 'too-large':
      return new StoreUnavailable(
        'EventStoreDB takes no append that large: set MaxAppendSize (at least 1 MiB for one event)',
        options,
      );
    case 'wrong-revision':
      return new StoreUnavailable('EventStoreDB says one revision and shows another', options);
    case 'not-sent':
    case 'lost':
    case 'unexplained':
    case 'bad-request':
    case 'unsupported':
      return new StoreUnavailable(`EventStoreDB takes no writes at present: ${fault.message}`, options);
  }
}
