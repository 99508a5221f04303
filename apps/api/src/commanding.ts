import { shortHash, uuidV5 } from '@gatehouse/canonical';
import { Rejected } from '@gatehouse/domain';
import { IdempotencyKeyReused, type Request } from '@gatehouse/eventsourcing';
import { CredentialRefused } from '@gatehouse/identity';
import { deadlineOf, EdgeProblem, type Metrics } from '@gatehouse/platform';
import { uuidv7 } from 'uuidv7';
import type { Origin } from './models/on-model';

const REFUSALS = [Rejected, EdgeProblem, CredentialRefused, IdempotencyKeyReused];

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
    deadline: deadlineOf(request, timeoutMs),
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

/**
 * Runs a command and counts what it came to: changed, unchanged, replayed, refused by a rule, or failed. Throws what it
 * throws.
 */
export async function counted<T extends { readonly replayed: boolean }>(
  metrics: Metrics,
  verb: string,
  run: () => Promise<T>,
  isChange: (done: T) => boolean,
): Promise<T> {
  try {
    const done = await run();
    const outcome = done.replayed ? 'replayed' : isChange(done) ? 'changed' : 'unchanged';
    metrics.commands.inc({ verb, outcome });
    return done;
  } catch (error) {
    const refused = REFUSALS.some((kind) => error instanceof kind);
    metrics.commands.inc({ verb, outcome: refused ? 'refused' : 'failed' });
    throw error;
  }
}
