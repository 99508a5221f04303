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

  /** The event at a revision. Throws `LogTruncated` where there is none. */
  async at(stream: string, revision: bigint): Promise<Recorded> {
    const name = `${revision} ${stream}`;
    const known = this.kept.get(name);
    if (known) return known;
    for await (const recorded of this.store.read(stream, revision)) {
      this.kept.set(name, recorded, 500 + JSON.stringify(recorded.data).length);
      return recorded;
    }
    throw new LogTruncated(stream, revision);
  }
}
