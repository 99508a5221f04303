import type { Event } from './http';
import type { Sent } from './load';

/**
 * Every event has a command and every command its events: what was acknowledged is in the log once, where the answer said, what was
 * refused is not in it, and the rest is there or not, but never twice. Throws what is not so.
 */
export function account(sent: readonly Sent[], events: readonly Event[]): void {
  const commandOf = new Map(sent.flatMap((one) => one.requestIds.map((id) => [id, one] as const)));
  const eventsOf = new Map<Sent, Event[]>();
  for (const event of events) {
    const command = commandOf.get(event.correlation);
    if (command === undefined)
      throw new Error(
        `nobody sent what position ${event.position} holds (${event.type}, ${event.correlation})`,
      );
    eventsOf.set(command, [...(eventsOf.get(command) ?? []), event]);
  }
  const wrong = sent.flatMap((one) => {
    const found = eventsOf.get(one) ?? [];
    return isAccountedFor(one, found) ? [] : [{ ...one, found }];
  });
  if (wrong.length > 0)
    throw new Error(`${wrong.length} commands: ${JSON.stringify(wrong.slice(0, 3), null, 2)}`);
}

function isAccountedFor({ outcome, inDoubt }: Sent, found: readonly Event[]): boolean {
  if (outcome.kind === 'recorded')
    return found.length === 1 && found[0]!.id === outcome.id && found[0]!.position === outcome.position;
  // Refused when it came again, it may still have been under way where it came first.
  if (outcome.kind === 'nothing' && !inDoubt) return found.length === 0;
  return found.length <= 1;
}
