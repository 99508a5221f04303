import type { EventStore } from '@gatehouse/eventsourcing';
import { placeOf, refuseDifferent, refuseSkipping } from './agreement';
import { inStep } from './in-step';
import { MigrationRefused } from './refused';
import { lineOf, type LogSummary, Summing } from './summing';

/** Two logs that hold the same. */
export interface Verified {
  readonly source: LogSummary & { readonly logId: string; readonly head: bigint };
  readonly target: LogSummary & { readonly logId: string; readonly head: bigint };
}

/** Streams that are asked for their ends at once. */
const AT_ONCE = 16;

/**
 * Reads both logs from end to end, and the end of every stream of the target. Throws at the first difference: an event, its
 * order, its place in its stream, a position that became smaller.
 */
export async function verifyCopy(
  source: EventStore,
  target: EventStore,
  onProgress: (events: number, position: bigint) => void,
): Promise<Verified> {
  const [ours, theirs] = [new Summing(), new Summing()];
  let events = 0;
  for await (const pair of inStep(source, target)) {
    if (!pair.source || !pair.target)
      throw new MigrationRefused(
        `only one of the logs has ${placeOf((pair.source ?? pair.target)!)}: something else writes to the other`,
      );
    const [line, other] = [lineOf(pair.source), lineOf(pair.target)];
    refuseDifferent(pair.source, pair.target, line, other);
    refuseSkipping(pair.source, pair.target.position);
    ours.add(pair.source, line);
    theirs.add(pair.target, other);
    onProgress(++events, pair.source.position);
  }
  await verifyEnds(target, ours.revisions);
  return {
    source: { ...ours.summary(), ...(await source.log()) },
    target: { ...theirs.summary(), ...(await target.log()) },
  };
}

/** The whole log and the streams are two ways to the same events: each stream must end where the log says it does. */
async function verifyEnds(target: EventStore, revisions: ReadonlyMap<string, bigint>): Promise<void> {
  const streams = revisions.entries();
  const worker = async () => {
    for (const [stream, last] of streams) {
      const ends: bigint[] = [];
      for await (const { revision } of target.read(stream, last)) ends.push(revision);
      if (ends.length !== 1 || ends[0] !== last)
        throw new MigrationRefused(
          `read by itself, ${stream} of the target does not end at revision ${last}`,
        );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
