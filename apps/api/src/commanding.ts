import { shortHash, uuidV5 } from '@gatehouse/canonical';
import type { Request } from '@gatehouse/eventsourcing';
import { uuidv7 } from 'uuidv7';
import type { Origin } from './models/on-model';

/** What surrounds a command on its way to a stream: its event's id and meta, and how long it may wait. */
export function requestFor(
  stream: string,
  fingerprint: string,
  { caller, request, idempotencyKey }: Origin,
  {
    timeoutMs,
    about = {},
  }: { timeoutMs: number; about?: { readonly model?: string; readonly tenant?: string } },
): Omit<Request<never>, 'command'> {
  const id = uuidv7();
  const key = idempotencyKey === undefined ? undefined : shortHash([stream, caller.actor.id, idempotencyKey]);
  return {
    stream,
    eventId: uuidV5(id),
    deadline: request.startedAt + timeoutMs,
    meta: {
      tenant: caller.tenant,
      ...about,
      actor: caller.actor,
      auth: caller.auth,
      command: { id, ...(key !== undefined && { key }), fingerprint },
      correlation: request.requestId,
      schema: 1,
    },
  };
}
