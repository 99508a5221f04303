import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { JsonObject, Recorded } from '@gatehouse/eventsourcing';
import { type EventBytes, opened } from './envelope';

type RecordedEvent = ReadResp.ReadEvent.RecordedEvent;

/** Servers say "no position" as -1, unsigned. */
const NO_POSITION = 2n ** 63n;

/** A position as a number of ours; undefined when the server gave none. */
export function positionOf(commit: string): bigint | undefined {
  const position = BigInt(commit === '' ? 0 : commit);
  return position > 0n && position < NO_POSITION ? position : undefined;
}

/** The event an answer carries, by the name that the server has for its stream. */
export interface WireEvent {
  /** With the prefix. */
  readonly stream: string;
  readonly revision: bigint;
  readonly type: string;
  /** Undefined on servers before 22.10, when a stream was read. */
  readonly position: bigint | undefined;
  /** Undefined when it is not of our making. */
  readonly recorded: EsdbEvent | undefined;
}

/** Reads an answer; `prefix` is what the names of our streams begin with on the server. */
export function wireEvent(event: RecordedEvent, prefix: string): WireEvent {
  const stream = Buffer.from(event.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString('utf8');
  const type = event.getMetadataMap().get('type') ?? '';
  const revision = BigInt(event.getStreamRevision());
  const position = positionOf(event.getCommitPosition());
  const ours = stream.startsWith(prefix) && stream.length > prefix.length && !type.startsWith('$');
  const envelope = ours && position !== undefined ? opened(event.getCustomMetadata_asU8()) : undefined;
  const recorded =
    envelope &&
    new EsdbEvent(position!, stream.slice(prefix.length), revision, envelope.id, type, {
      meta: envelope.meta,
      data: event.getData_asU8(),
      metadata: event.getCustomMetadata_asU8(),
    });
  return { stream, revision, type, position, recorded };
}

interface Bytes {
  readonly meta: Uint8Array;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** An event that parses its JSON when it is first asked for it: read `data` and `meta` by name, a spread has neither. */
export class EsdbEvent implements Recorded {
  readonly #bytes: Bytes;
  #data: JsonObject | undefined;
  #meta: JsonObject | undefined;

  constructor(
    readonly position: bigint,
    readonly stream: string,
    readonly revision: bigint,
    readonly id: string,
    readonly type: string,
    bytes: Bytes,
  ) {
    this.#bytes = bytes;
  }

  get data(): JsonObject {
    return (this.#data ??= parse(this.#bytes.data));
  }

  get meta(): JsonObject {
    return (this.#meta ??= parse(this.#bytes.meta));
  }

  /** Whether this is the event that those bytes would make. */
  isSame({ id, type, data, metadata }: EventBytes): boolean {
    return (
      this.id === id &&
      this.type === type &&
      data.equals(this.#bytes.data) &&
      metadata.equals(this.#bytes.metadata)
    );
  }
}

function parse(bytes: Uint8Array): JsonObject {
  // What we wrote was canonical JSON of an object.
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as JsonObject;
}
