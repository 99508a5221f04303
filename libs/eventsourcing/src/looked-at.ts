import { LogTruncated, type EventStore, type Recorded } from './event-store';
import { Recent } from './recent';

/** Events that decisions look at again, one by one: a stored event never changes, so those looked at last are kept. */
export class LookedAt {
  private readonly kept: Recent<Recorded>;

  constructor(
    private readonly store: EventStore,
    maxSize = 8 * 1024 * 1024,
  ) {
    this.kept = new Recent(maxSize);
  }

  /** One that was read anyway, and may be looked at soon. */
  keep(recorded: Recorded): void {
    const { stream, revision, data } = recorded;
    this.kept.set(nameOf(stream, revision), recorded, 500 + JSON.stringify(data).length);
  }

  /** The event at a revision. Throws `LogTruncated` where there is none. */
  async at(stream: string, revision: bigint): Promise<Recorded> {
    const known = this.kept.get(nameOf(stream, revision));
    if (known) return known;
    for await (const recorded of this.store.read(stream, revision)) {
      this.keep(recorded);
      return recorded;
    }
    throw new LogTruncated(stream, revision);
  }
}

function nameOf(stream: string, revision: bigint): string {
  return `${revision} ${stream}`;
}
