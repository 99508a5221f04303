import { Empty, StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb';
import { type ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { LoggedEvent, ProposedEvent } from './record';

const TICKS_PER_MILLISECOND = 10_000n;
/** What servers before 22.10 say where a stream read has no position: −1, unsigned. */
const NO_POSITION = '18446744073709551615';

const encoded = [new WeakMap<LoggedEvent, Buffer>(), new WeakMap<LoggedEvent, Buffer>()] as const;

/** The answer that carries an event, as bytes, made once for all its readers. */
export function eventResponse(event: LoggedEvent, positioned: boolean): Buffer {
  const cache = encoded[positioned ? 1 : 0];
  const known = cache.get(event);
  if (known) return known;
  const bytes = bytesOf(new ReadResp().setEvent(readEvent(event, positioned)));
  cache.set(event, bytes);
  return bytes;
}

function readEvent(event: LoggedEvent, positioned: boolean): ReadResp.ReadEvent {
  const position = positioned ? String(event.position) : NO_POSITION;
  const recorded = new ReadResp.ReadEvent.RecordedEvent()
    .setId(new UUID().setString(event.id))
    .setStreamIdentifier(identifier(event.stream))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(position)
    .setPreparePosition(position)
    .setCustomMetadata(event.metadata)
    .setData(event.data);
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('created', String(BigInt(event.created) * TICKS_PER_MILLISECOND))
    .set('content-type', event.json ? 'application/json' : 'application/octet-stream');
  const answer = new ReadResp.ReadEvent().setEvent(recorded);
  return positioned ? answer.setCommitPosition(position) : answer.setNoPosition(new Empty());
}

export function confirmation(id: string): Buffer {
  return bytesOf(
    new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId(id)),
  );
}

export function checkpoint(position: number): Buffer {
  const at = String(position);
  return bytesOf(
    new ReadResp().setCheckpoint(new ReadResp.Checkpoint().setCommitPosition(at).setPreparePosition(at)),
  );
}

export function caughtUp(): Buffer {
  return bytesOf(new ReadResp().setCaughtUp(new ReadResp.CaughtUp()));
}

export function streamNotFound(stream: string): Buffer {
  return bytesOf(
    new ReadResp().setStreamNotFound(new ReadResp.StreamNotFound().setStreamIdentifier(identifier(stream))),
  );
}

export function identifier(stream: string): StreamIdentifier {
  return new StreamIdentifier().setStreamName(Buffer.from(stream));
}

export function streamName(of: StreamIdentifier | undefined): string {
  return Buffer.from(of?.getStreamName_asU8() ?? []).toString();
}

/** What both kinds of append send for one event. */
interface Message {
  getId(): UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getData_asU8(): Uint8Array;
  getCustomMetadata_asU8(): Uint8Array;
}

export function proposed(message: Message): ProposedEvent {
  const names = message.getMetadataMap();
  return {
    id: message.getId()?.getString() ?? '',
    type: names.get('type') ?? '',
    json: names.get('content-type') === 'application/json',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

export type ReadOptions = ReadReq.Options;

function bytesOf(message: ReadResp): Buffer {
  return Buffer.from(message.serializeBinary());
}
