import type { Recorded } from '@gatehouse/eventsourcing';
import { MigrationRefused } from './refused';

/** An event, in words that an operator can look up. */
export function placeOf({ stream, revision, id, type, position }: Recorded): string {
  return `revision ${revision} of ${stream} (${type}, id ${id}, position ${position})`;
}

/** Throws unless two events are one, wherever they stand. The lines are what `lineOf` makes of them. */
export function refuseDifferent(source: Recorded, target: Recorded, line: string, other: string): void {
  if (line === other) return;
  const same = source.id === target.id && source.stream === target.stream;
  throw new MigrationRefused(
    `the target holds other events: it has ${placeOf(target)} where the source has ${placeOf(source)}` +
      `${same ? ', with other content' : ''}. Give it a store, or a prefix, of its own`,
  );
}

/**
 * Throws when an event stands further to the front than it did. Then a client that goes on from an old position would
 * skip events; as long as no position gets smaller, it is given some of them again, and no event is missing.
 */
export function refuseSkipping(source: Recorded, position: bigint): void {
  if (position >= source.position) return;
  throw new MigrationRefused(
    `${placeOf(source)} has the smaller position ${position} in the target: who goes on from an old position ` +
      'there would skip events. A store whose positions grow faster is needed, as those of EventStoreDB do',
  );
}
