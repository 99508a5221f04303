import type { Recorded } from '@gatehouse/eventsourcing';
import { streamSubscription } from './requests';
import type { Retries, Tries } from './retries';
import { eventOf, type StreamReader } from './stream-reader';
import { unbroken } from './unbroken';
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

  private async *following(stream: string, from: bigint, signal: AbortSignal): AsyncGenerator<Recorded> {
    const tries = this.retries.begin();
    const place = { next: from };
    const subscribe = () => this.subscription(stream, place, tries, signal);
    yield* unbroken(signal, subscribe, (fault) => this.reader.again(stream, place.next, fault, tries));
  }

  private async *subscription(
    stream: string,
    place: { next: bigint },
    tries: Tries,
    signal: AbortSignal,
  ): AsyncGenerator<Recorded> {
    let owed = -1n;
    /** Whether an event that was there a while ago has not come since. */
    const onQuiet = async () => {
      if (owed === place.next) return true;
      for await (const { revision } of this.reader.read(stream, place.next)) {
        owed = revision;
        break;
      }
      return false;
    };
    const request = streamSubscription(this.reader.nameOf(stream), place.next - 1n);
    const reading = { signal, quietMs: this.quietMs, onQuiet, anyNode: true };
    for await (const answer of this.wire.read(request, reading)) {
      if (answer.hasConfirmation()) tries.stands();
      const event = eventOf(answer);
      if (!event) continue;
      const recorded = this.reader.verified(stream, place.next, event);
      place.next += 1n;
      tries.progress();
      yield recorded;
    }
  }
}
