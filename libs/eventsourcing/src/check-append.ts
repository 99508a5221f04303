import type { NewEvent } from './event-store';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// With the u flag a pair is one code point, so this finds lone surrogates only.
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What every store refuses alike, because it is a mistake in our own code: a RangeError, and nothing is written. */
export function checkAppend(stream: string, expected: bigint, events: readonly NewEvent[]): void {
  if (stream === '' || LONE_SURROGATE.test(stream))
    throw new RangeError('a stream needs a name of whole characters');
  if (expected < -1n) throw new RangeError(`an append names the revision it was decided at, not ${expected}`);
  if (events.length === 0) throw new RangeError('an append has at least one event');
  for (const { id } of events)
    if (!UUID.test(id))
      throw new RangeError(`an event id is a UUID in lower case, not ${JSON.stringify(id)}`);
}
