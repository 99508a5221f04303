import type { Fact } from '@gatehouse/domain';
import type { Channel } from '../channels';
import { topicOf } from '../channels';
import type { Message } from '../publisher';

/** What an event says of itself and where it stands; the payload apart. */
export type Source = {
  readonly fact: Fact;
  readonly stream: string;
  readonly logId: string;
};

export type Envelope = {
  readonly prefix: string;
  /** Where the API is reached from outside; undefined: references are relative. */
  readonly publicUrl?: string;
  /** A record larger than this goes without its body, and says where to find it. */
  readonly maxRecordBytes: number;
};

/** `model.RolledBack` is `gatehouse.model.rolled-back.v1` to the world. */
export const TYPES: Record<Fact['type'], string> = {
  'model.Registered': 'gatehouse.model.registered.v1',
  'model.Evaluated': 'gatehouse.model.evaluated.v1',
  'model.Approved': 'gatehouse.model.approved.v1',
  'model.Rejected': 'gatehouse.model.rejected.v1',
  'model.Promoted': 'gatehouse.model.promoted.v1',
  'model.RolledBack': 'gatehouse.model.rolled-back.v1',
  'model.Deprecated': 'gatehouse.model.deprecated.v1',
  'model.BreakGlassReviewed': 'gatehouse.model.break-glass-reviewed.v1',
};

/** A CloudEvent in binary mode for one channel. The same event and body make the same bytes. */
export function envelop(source: Source, channel: Channel, body: object, envelope: Envelope): Message {
  const headers = headersOf(source, channel);
  const { ce_subject: key } = headers;
  const value = Buffer.from(JSON.stringify(body));
  const topic = topicOf(envelope.prefix, channel);
  const message = { topic, key, headers: { ...headers, 'content-type': 'application/json' }, value };
  if (bytesOf(message) <= envelope.maxRecordBytes) return message;
  return { topic, key, headers: { ...headers, ce_dataref: datarefOf(source, envelope) }, value: null };
}

/** About what a record takes in a batch: never less than it really does. */
export function bytesOf({ key, headers, value }: Message): number {
  let bytes = 64 + Buffer.byteLength(key) + (value?.length ?? 0);
  for (const [name, text] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(text) + 8;
  return bytes;
}

function headersOf({ fact, logId }: Source, channel: Channel) {
  const subject = `${fact.meta.tenant}/${fact.meta.model ?? ''}`;
  return {
    ce_specversion: '1.0',
    ce_id: fact.id,
    ce_type: TYPES[fact.type],
    // Ids are unique within a source: the messages of one event in several channels have one id.
    ce_source: `urn:gatehouse:${channel}`,
    ce_subject: subject,
    ce_time: fact.meta.time,
    ce_partitionkey: subject,
    ce_position: String(fact.position),
    ce_revision: String(fact.revision),
    ce_logid: logId,
  };
}

/** The event, as the first line that the API answers there; it takes a credential of the tenant, the first part of the subject. */
function datarefOf({ fact }: Source, { publicUrl = '' }: Envelope): string {
  const model = encodeURIComponent(fact.meta.model ?? '');
  return `${publicUrl}/v1/events?model=${model}&after=${fact.position - 1n}`;
}
