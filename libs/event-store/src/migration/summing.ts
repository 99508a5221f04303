import { createHash } from 'node:crypto';
import { canonicalJson } from '@gatehouse/canonical';
import type { Recorded } from '@gatehouse/eventsourcing';

/** What a log holds. Two logs with one digest hold the same events, in the same order, wherever their positions are. */
export interface LogSummary {
  readonly events: number;
  readonly streams: number;
  /** SHA-256 over the canonical `[stream, revision, id, type, data, meta]` of every event, in log order, one a line. */
  readonly digest: string;
}

/** What two stores must agree about: all of an event but its position, as one text. */
export function lineOf({ stream, revision, id, type, data, meta }: Recorded): string {
  return canonicalJson([stream, String(revision), id, type, data, meta]);
}

/** Adds a log up, event by event. */
export class Summing {
  private readonly hash = createHash('sha256');
  private events = 0;
  /** Of each stream, its last revision. */
  readonly revisions = new Map<string, bigint>();

  add({ stream, revision }: Recorded, line: string): void {
    this.hash.update(line).update('\n');
    this.events += 1;
    this.revisions.set(stream, revision);
  }

  /** What was added so far. */
  summary(): LogSummary {
    const digest = `sha256:${this.hash.copy().digest('hex')}`;
    return { events: this.events, streams: this.revisions.size, digest };
  }
}
