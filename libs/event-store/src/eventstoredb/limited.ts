import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';

type RecordedEvent = ReadResp.ReadEvent.RecordedEvent;

/** What the stream of a stream's metadata is called. */
export function metadataOf(stream: string): string {
  return `$$${stream}`;
}

/**
 * Streams with metadata that may take events away, as far as they were passed on the way through the log. A process
 * that has read such a stream before would not look at its beginning again.
 */
export class Limited {
  private readonly streams = new Set<string>();

  /** Takes note of what a follower passes; `prefix` is what our streams begin with on the server. */
  passed(event: RecordedEvent, stream: string, prefix: string): void {
    const before = metadataOf(prefix);
    if (stream.startsWith(before) && limits(event)) this.streams.add(stream.slice(before.length));
  }

  /** Whether its beginning has to be looked at before anything is decided on it. Limits may have been lifted since. */
  has(stream: string): boolean {
    return this.streams.has(stream);
  }
}

/** Metadata that take events away from a reader, now or later. */
export function limits(metadata: RecordedEvent): boolean {
  try {
    // Metadata are an object, or something that hides nothing.
    const found = JSON.parse(Buffer.from(metadata.getData_asU8()).toString()) as Record<
      string,
      unknown
    > | null;
    return ['$tb', '$maxCount', '$maxAge'].some((name) => found?.[name] !== undefined);
  } catch {
    return false;
  }
}
