import { createHash } from 'node:crypto';
import { canonicalJson, uuidV5 } from '@gatehouse/canonical';
import { EventTooLarge, MAX_EVENT_BYTES, type NewEvent } from '@gatehouse/eventsourcing';

/** An event as it goes over the wire. */
export interface EventBytes {
  /** Ours. */
  readonly id: string;
  /** The server's: made of our id and of the content. */
  readonly wireId: string;
  readonly type: string;
  /** Canonical JSON. */
  readonly data: Buffer;
  /** Canonical JSON, too: our id and our meta. NOTE: stored format. */
  readonly metadata: Buffer;
}

const BEFORE_ID = '{"id":"';
const BEFORE_META = '","meta":';
const ID_END = BEFORE_ID.length + 36;
const META_AT = ID_END + BEFORE_META.length;

/** Makes bytes of an event. Throws `EventTooLarge`. */
export function toBytes({ id, type, data, meta }: NewEvent): EventBytes {
  const dataBytes = Buffer.from(canonicalJson(data));
  const metaBytes = Buffer.from(canonicalJson(meta));
  const bytes = dataBytes.length + metaBytes.length;
  if (bytes > MAX_EVENT_BYTES) throw new EventTooLarge(bytes);
  const metadata = Buffer.concat([
    Buffer.from(`${BEFORE_ID}${id}${BEFORE_META}`),
    metaBytes,
    Buffer.from('}'),
  ]);
  return { id, wireId: wireIdOf(type, dataBytes, metadata), type, data: dataBytes, metadata };
}

/** Our id and the bytes of our meta; undefined when the metadata is not of our making. */
export function opened(metadata: Uint8Array): { readonly id: string; readonly meta: Uint8Array } | undefined {
  const bytes = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  if (bytes.length <= META_AT || bytes.toString('latin1', 0, BEFORE_ID.length) !== BEFORE_ID)
    return undefined;
  if (bytes.toString('latin1', ID_END, META_AT) !== BEFORE_META) return undefined;
  return { id: bytes.toString('latin1', BEFORE_ID.length, ID_END), meta: bytes.subarray(META_AT, -1) };
}

/**
 * The server takes an event whose id it has just written for the same event, whatever is in it. So the id that it
 * gets is made of the content as well: for it, the same id is then the same event.
 */
function wireIdOf(type: string, data: Buffer, metadata: Buffer): string {
  const hash = createHash('sha256');
  // Lengths, so that no two events give the same bytes.
  for (const part of [Buffer.from(type), data, metadata]) hash.update(`${part.length}:`).update(part);
  return uuidV5(hash.digest('hex'));
}
