/** What a client asks to append. Bytes are kept as they came: the server never looks into a payload. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly json: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** An event in the log. Its position is that of its first byte, so positions are sparse, and commit = prepare. */
export interface LoggedEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** What the writer says it has seen of the stream. */
export type Expected = 'any' | 'no_stream' | 'stream_exists' | number;

export type AppendOutcome =
  | {
      readonly kind: 'appended';
      readonly revision: number;
      readonly position: number;
      readonly again: boolean;
    }
  | { readonly kind: 'wrong-version'; readonly current: number }
  | { readonly kind: 'deleted' };

/** How the real server counts an event against the limit of one append. */
export function sizeOnDisk(event: ProposedEvent): number {
  return event.data.length + event.metadata.length + event.type.length * 2;
}

/** The bytes of a record in the chunk file: the event, its names, and a header and footer. */
export function recordLength(stream: string, event: ProposedEvent): number {
  return 86 + stream.length + event.type.length + event.data.length + event.metadata.length;
}
