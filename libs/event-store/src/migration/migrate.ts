import { setTimeout as pause } from 'node:timers/promises';
import {
  EventIdReused,
  type EventStore,
  OutcomeUnknown,
  type Recorded,
  StoreUnavailable,
  WrongRevision,
} from '@gatehouse/eventsourcing';
import { type Batch, batches } from './batches';
import { placeOf, refuseDifferent, refuseSkipping } from './agreement';
import { inStep } from './in-step';
import { MigrationRefused } from './refused';
import { lineOf } from './summing';
import { verifyCopy, type Verified } from './verify-copy';

export interface MigrationOptions {
  /** Ends it between two appends; what was copied stays, and the next run goes on from there. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MigrationProgress) => void;
  /** Events of one stream in one append, at most. */
  readonly batch?: number;
  /** The first pause before an append without an answer is sent again. It doubles, up to 64 times. */
  readonly retryMs?: number;
}

/** How far it is. `position` and `head` are of the source. */
export interface MigrationProgress {
  readonly phase: 'comparing' | 'copying' | 'verifying';
  readonly events: number;
  readonly position: bigint;
  readonly head: bigint;
}

export interface Migrated extends Verified {
  /** Events that the target had already, from a run before. */
  readonly found: number;
  readonly copied: number;
}

const BATCH = 64;
const RETRY_MS = 100;
const RETRIES = 12;

/**
 * Copies a log, event by event, to a store of another kind: ids, revisions, content and the order of the whole log stay. A
 * target that holds the beginning of the source is continued, so that it may be killed and run again; one that holds
 * anything else is refused, and nothing is written to it. When it resolves, both logs were read from end to end and
 * are the same. Nobody else may write to either meanwhile.
 */
export async function migrate(
  source: EventStore,
  target: EventStore,
  options: MigrationOptions = {},
): Promise<Migrated> {
  const run = new Run(source, target, options, (await source.log()).head);
  const there = await run.whatIsThere();
  const copied = await run.copy(there);
  return { ...(await run.verify()), found: there.events, copied };
}

type There = { readonly events: number; readonly position: bigint };

class Run {
  constructor(
    private readonly source: EventStore,
    private readonly target: EventStore,
    private readonly options: MigrationOptions,
    private readonly head: bigint,
  ) {}

  /** How much of the source the target holds. Throws when it holds anything else. */
  async whatIsThere(): Promise<There> {
    let there: There = { events: 0, position: 0n };
    for await (const { source, target } of inStep(this.source, this.target)) {
      if (!target) break;
      if (!source) throw new MigrationRefused(longer(target));
      refuseDifferent(source, target, lineOf(source), lineOf(target));
      refuseSkipping(source, target.position);
      there = { events: there.events + 1, position: source.position };
      this.tell('comparing', there);
    }
    return there;
  }

  /** Appends what is missing, one append after the other: nothing else keeps the order of the whole log. */
  async copy({ events, position }: There): Promise<number> {
    const signal = this.options.signal ?? new AbortController().signal;
    let copied = 0;
    const rest = this.source.readAll(position, { follow: false, signal });
    for await (const batch of batches(rest, this.options.batch ?? BATCH)) {
      signal.throwIfAborted();
      refuseSkipping(batch.at(-1)!, await this.append(batch));
      copied += batch.length;
      this.tell('copying', { events: events + copied, position: batch.at(-1)!.position });
    }
    signal.throwIfAborted();
    return copied;
  }

  verify(): Promise<Verified> {
    return verifyCopy(this.source, this.target, (events, position) =>
      this.tell('verifying', { events, position }),
    );
  }

  /** Where the last event of the batch stands now. The same ids at the same revisions again are the same events. */
  private async append(batch: Batch): Promise<bigint> {
    const [{ stream, revision }] = batch;
    const events = batch.map(({ id, type, data, meta }) => ({ id, type, data, meta }));
    for (let retries = 0; ; retries++) {
      try {
        return (await this.target.append(stream, revision - 1n, events)).position;
      } catch (error) {
        const maybeLater = error instanceof OutcomeUnknown || error instanceof StoreUnavailable;
        if (!maybeLater || retries >= RETRIES) throw explained(error, batch[0]);
        await pause((this.options.retryMs ?? RETRY_MS) * 2 ** Math.min(retries, 6));
      }
    }
  }

  private tell(phase: MigrationProgress['phase'], { events, position }: There): void {
    this.options.onProgress?.({ phase, events, position, head: this.head });
  }
}

function longer(event: Recorded): string {
  return (
    `the target goes on where the source ends: ${placeOf(event)} is not in the source. ` +
    'The service has run on the target since, or it holds another log; nothing was written'
  );
}

/** What it means that the target did not take an event. */
function explained(error: unknown, event: Recorded): unknown {
  if (error instanceof WrongRevision || error instanceof EventIdReused)
    return new MigrationRefused(
      `the target did not take ${placeOf(event)}: ${error.message}. ` +
        'Something else writes to it; stop that, and run this again',
      { cause: error },
    );
  return error;
}
