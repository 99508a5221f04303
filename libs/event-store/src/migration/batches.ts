import { MAX_EVENT_BYTES, type Recorded } from '@gatehouse/eventsourcing';

/** At least one event; consecutive in the log and in one stream. */
export type Batch = [Recorded, ...Recorded[]];

/**
 * Groups neighbours of one stream, so that one append can take them. Where a batch ends depends only on where it begins: a
 * run that was killed and the next one send the same batches, and a late one of the first run does no harm.
 */
export async function* batches(events: AsyncIterable<Recorded>, most: number): AsyncGenerator<Batch> {
  let batch: Batch | null = null;
  let bytes = 0;
  for await (const event of events) {
    const size = bytesOf(event);
    const fits = batch !== null && batch[0].stream === event.stream && batch.length < most;
    if (batch && fits && bytes + size <= MAX_EVENT_BYTES) {
      batch.push(event);
      bytes += size;
      continue;
    }
    if (batch) yield batch;
    batch = [event];
    bytes = size;
  }
  if (batch) yield batch;
}

function bytesOf({ data, meta }: Recorded): number {
  return Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(meta));
}
