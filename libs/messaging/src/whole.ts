import { type EventStore, LogTruncated, Recent, type Recorded } from '@gatehouse/eventsourcing';

const STREAMS = 50_000;

/**
 * Notices that a stream lost events which were never seen: what the log does not hold any more is not passed over in
 * silence. Of streams seen lately the last revision is kept, in bounded memory; of others the store is asked.
 */
export class Whole {
  private readonly seen = new Recent<bigint>(STREAMS);

  constructor(private readonly store: Pick<EventStore, 'read'>) {}

  /** Throws `LogTruncated` where the event before this one is missing. Events that come again are no gap. */
  async check({ stream, revision }: Pick<Recorded, 'stream' | 'revision'>): Promise<void> {
    const last = this.seen.get(stream);
    if (last !== undefined && revision > last + 1n) throw new LogTruncated(stream, last + 1n);
    if (last === undefined && revision > 0n) await this.find(stream, revision - 1n);
    if (last === undefined || revision > last) this.seen.set(stream, revision, 1);
  }

  private async find(stream: string, revision: bigint): Promise<void> {
    for await (const event of this.store.read(stream, revision)) if (event.revision === revision) return;
    throw new LogTruncated(stream, revision);
  }
}
