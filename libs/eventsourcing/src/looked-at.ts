import { LogTruncated, type EventStore, type Recorded } from './event-store';

/** Events that decisions look at again, one by one: a stored event never changes, so those looked at last are kept. */
export class LookedAt {
  private readonly kept = new Map<string, { recorded: Recorded; size: number }>();
  private size = 0;

  constructor(
    private readonly store: EventStore,
    private readonly maxSize = 8 * 1024 * 1024,
  ) {}

  /** The event at a revision. Throws `LogTruncated` where there is none. */
  async at(stream: string, revision: bigint): Promise<Recorded> {
    const name = `${revision} ${stream}`;
    const known = this.kept.get(name);
    if (known) {
      // The last in the map is the last to be forgotten.
      this.kept.delete(name);
      this.kept.set(name, known);
      return known.recorded;
    }
    for await (const recorded of this.store.read(stream, revision)) {
      this.keep(name, recorded);
      return recorded;
    }
    throw new LogTruncated(stream, revision);
  }

  private keep(name: string, recorded: Recorded): void {
    const size = 500 + JSON.stringify(recorded.data).length;
    this.size += size - (this.kept.get(name)?.size ?? 0);
    this.kept.set(name, { recorded, size });
    for (const [oldest, { size: freed }] of this.kept) {
      if (this.size <= this.maxSize) return;
      this.kept.delete(oldest);
      this.size -= freed;
    }
  }
}
