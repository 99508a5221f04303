import { randomUUID } from 'node:crypto';
import type { ProposedEvent } from './record';

/** An event that is put into the log from inside. */
export interface InjectedEvent {
  readonly id?: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata?: unknown;
}

/** The event as a client would send it: bytes stay bytes, anything else is JSON. */
export function proposal(event: InjectedEvent): ProposedEvent {
  const bytes = (value: unknown) =>
    value instanceof Uint8Array ? value : Buffer.from(value === undefined ? '' : JSON.stringify(value));
  return {
    id: event.id ?? randomUUID(),
    type: event.type,
    json: !(event.data instanceof Uint8Array),
    data: bytes(event.data),
    metadata: bytes(event.metadata),
  };
}
