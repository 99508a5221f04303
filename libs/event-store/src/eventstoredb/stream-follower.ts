import { type Recorded, Slices } from '@gatehouse/eventsourcing';
import { Fault, faultOf } from './fault';
import { streamSubscription } from './requests';
import type { Retries } from './retries';
import { eventOf, isOurs, type StreamReader } from './stream-reader';
import type { Wire } from './wire';

interface Following {
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** Follows one stream by a subscription of its own: whatever else is in `$all` is not passed on the way. */
export class StreamFollower {
  constructor(
    private readonly wire: Wire,
    private readonly reader: StreamReader,
    private readonly retries: Retries,
    /** For so long a subscription may be quiet before the stream is looked at. */
    private readonly quietMs: number,
  ) {}

  /** The events behind a position of the log: to the end of the stream, or on and on until aborted. */
  async *behind(position: bigint, stream: string, { follow, signal }: Following): AsyncGenerator<Recorded> {
    let next = await this.reader.firstBehind(stream, position);
    for await (const event of this.reader.read(stream, next)) {
      if (signal.aborted) return;
      next = event.revision + 1n;
      yield event;
    }
    if (follow) yield* this.following(stream, next, signal);
  }

  /** From a revision on. A subscription that ends, fails or stalls is made anew, and nobody notices. */
  private async *following(stream: string, from: bigint, signal: AbortSignal): AsyncGenerator<Recorded> {
    const tries = this.retries.begin();
    const slices = new Slices();
    let next = from;
    while (!signal.aborted) {
      try {
        for await (const answer of this.subscription(stream, () => next, signal)) {
          if (answer.hasConfirmation()) tries.stands();
          const event = eventOf(answer);
          if (!event) continue;
          const recorded = this.reader.verified(stream, next, event);
          next += 1n;
          tries.progress();
          yield recorded;
          if (signal.aborted) return;
          if (slices.over()) await slices.next();
        }
        throw new Fault('lost', 'the subscription was ended');
      } catch (error) {
        if (signal.aborted) return;
        if (isOurs(error)) throw error;
        await this.reader.again(stream, next, faultOf(error), tries);
      }
    }
  }

  private subscription(stream: string, next: () => bigint, signal: AbortSignal): ReturnType<Wire['read']> {
    let owed = -1n;
    /** Whether an event that was there a while ago has not come since. */
    const onQuiet = async () => {
      if (owed === next()) return true;
      for await (const { revision } of this.reader.read(stream, next())) {
        owed = revision;
        break;
      }
      return false;
    };
    const request = streamSubscription(this.reader.nameOf(stream), next() - 1n);
    return this.wire.read(request, { signal, quietMs: this.quietMs, onQuiet, anyNode: true });
  }
}
