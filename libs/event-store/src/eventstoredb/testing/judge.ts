import type { AppendOutcome, Expected, LoggedEvent, ProposedEvent } from './record';
import type { Stream } from './stream';

type Verdict = AppendOutcome | 'write';

/**
 * Decides on an append as the real server's index writer does (`CheckCommit`). Only ids are compared. A part that is
 * known and a part that is not is a wrong version.
 */
export function judge(
  stream: Stream,
  expected: Expected,
  proposed: readonly ProposedEvent[],
  known: (id: string) => LoggedEvent | undefined,
): Verdict {
  const current = stream.lastRevision;
  if (stream.tombstoned) return { kind: 'deleted' };
  if (expected === 'stream_exists' && (current < 0 || stream.softlyDeleted())) return wrong(current);
  if (expected === 'any' || expected === 'stream_exists') return judgeAny(stream, proposed, known);
  const revision = expected === 'no_stream' ? -1 : expected;
  if (revision > current) return wrong(current);
  if (revision === current) return 'write';
  return judgeEarlier(stream, revision, proposed);
}

function judgeAny(
  stream: Stream,
  proposed: readonly ProposedEvent[],
  known: (id: string) => LoggedEvent | undefined,
): Verdict {
  const found = proposed
    .map((event) => known(event.id))
    .map((event) => (event?.stream === stream.name ? event : undefined));
  if (found[0] === undefined) return 'write';
  return again(found) ?? wrong(stream.lastRevision);
}

function judgeEarlier(stream: Stream, revision: number, proposed: readonly ProposedEvent[]): Verdict {
  const found = proposed.map((event, index) => {
    const there = stream.events[revision + 1 + index];
    return there?.id === event.id ? there : undefined;
  });
  const repeated = again(found);
  if (repeated) return repeated;
  if (revision === -1 && found[0] === undefined && stream.softlyDeleted()) return 'write';
  return wrong(stream.lastRevision);
}

/** Success with the earlier position, when every event is already there. */
function again(found: readonly (LoggedEvent | undefined)[]): AppendOutcome | undefined {
  const last = found.at(-1);
  if (last === undefined || found.includes(undefined)) return undefined;
  return { kind: 'appended', revision: last.revision, position: last.position, again: true };
}

function wrong(current: number): AppendOutcome {
  return { kind: 'wrong-version', current };
}
