import { type EventStore, type LogState, LogTruncated, type Recorded } from './event-store';
import { gather, type Gathered } from './gather';
import { type Checkpoint, type Follower, MayPass } from './projection';
import { Question } from './question';
import { reasonOf } from './reason';
import { turn } from './slices';
import { pause, settlesWithin } from './timing';
import { Waiting } from './waiting';

export interface FollowOptions {
  /** Ends the following; what is being handled is finished first. */
  readonly signal: AbortSignal;
  /** After each batch, and when the log can be read again after an error and there is nothing new in it. */
  readonly onProgress?: (status: FollowStatus) => void;
  /** The log could not be read (`willRetry`), or the follower stopped for good. */
  readonly onError?: (error: Error, willRetry: boolean) => void;
  /** The checkpoint is of another log, or of an older copy of this one: the follower starts from zero. */
  readonly onReset?: () => void;
  /** Events handed over at once, at most. */
  readonly batch?: number;
  /** The first and the longest pause before the log is read again after an error. */
  readonly retryMs?: { readonly first: number; readonly longest: number };
}

export interface FollowStatus {
  readonly name: string;
  /** The last event whose effect can be seen. */
  readonly position: bigint;
  /** The end of the log, as last heard of. */
  readonly head: bigint;
  readonly lag: bigint;
  /** For so long it has not reached an end of the log that it has heard of. Positions are as dense as the store makes them; time is not. */
  readonly behindMs: number;
  readonly state: 'starting' | 'catching-up' | 'live' | 'stopped';
  /** Whether it has been at the end of the log at least once since it was started, or started again from zero. */
  readonly caughtUp: boolean;
  /** Why it stopped, or why the log cannot be read just now; names nobody. */
  readonly error?: string;
  /** When the last event that was handled had been recorded. */
  readonly lastEventAt: string | null;
}

/** A follower on its way along the log. */
export interface Following {
  /** As in the status, for whoever asks a thousand times a second. */
  readonly caughtUp: boolean;
  status(): FollowStatus;
  /** The same, after asking the log for its end: a follower that hangs shows its lag. */
  measured(): Promise<FollowStatus>;
  /** Resolves to true once the effect of this position can be seen; to false after the time, or when it stopped. */
  reached(position: bigint, timeoutMs: number): Promise<boolean>;
  /** Resolves when it has stopped, for whatever reason; never rejects. */
  readonly done: Promise<void>;
}

/**
 * Leads a follower along the log: verifies its checkpoint (another or an older log: `reset`, and from zero), hands
 * over what is there, in order, and goes on until aborted. An error of the follower stops it: nothing is skipped.
 * An error of the store is retried for ever, with pauses.
 */
export function follow(store: EventStore, follower: Follower, options: FollowOptions): Following {
  return new Path(store, follower, options);
}

const BATCH = 1_000;
/** While catching up, put-off work is settled after so many events. */
const SETTLE_EVERY = 50_000;
/** Nothing came for so long while catching up: what was put off is settled meanwhile. */
const QUIET_MS = 20;
/** So long a measurement waits for the log to say where it ends. */
const MEASURE_MS = 1_000;
const RETRY_MS = { first: 50, longest: 5_000 };

class Path implements Following {
  readonly done: Promise<void>;
  private readonly waiting = new Waiting();
  private state: FollowStatus['state'] = 'starting';
  caughtUp = false;
  private error: Error | undefined;
  private head = 0n;
  private logId = '';
  /** Of the last event handed over, and of the last whose effect can be seen. */
  private handled = 0n;
  private seen = 0n;
  private unsettled = 0;
  /** An end of the log not reached yet, and since when it is known. */
  private owed: { readonly position: bigint; readonly since: number } | undefined;
  private lastEventAt: string | null = null;
  private pauseMs = 0;
  private readonly end = new Question(async () => this.heard((await this.store.log()).head), MEASURE_MS);

  constructor(
    private readonly store: EventStore,
    private readonly follower: Follower,
    private readonly options: FollowOptions,
  ) {
    this.done = this.run();
  }

  status(): FollowStatus {
    const { name } = this.follower;
    const head = this.head > this.seen ? this.head : this.seen;
    return {
      name,
      position: this.seen,
      head,
      lag: head - this.seen,
      behindMs: this.owed ? performance.now() - this.owed.since : 0,
      state: this.state,
      caughtUp: this.caughtUp,
      ...(this.error && { error: reasonOf(this.error) }),
      lastEventAt: this.lastEventAt,
    };
  }

  async measured(): Promise<FollowStatus> {
    // Where there is no answer in time, the end as last heard of is the best there is.
    await this.end.answered();
    return this.status();
  }

  reached(position: bigint, timeoutMs: number): Promise<boolean> {
    if (this.seen >= position) return Promise.resolve(true);
    if (this.state === 'stopped') return Promise.resolve(false);
    return this.waiting.until(position, timeoutMs);
  }

  private async run(): Promise<void> {
    const { signal } = this.options;
    try {
      while (!signal.aborted) await this.attempt();
    } catch (error) {
      this.failed(error, false);
    }
    this.state = 'stopped';
    this.waiting.giveUp();
  }

  /** One reading of the log: until aborted, or until the store fails. Throws only what stops the follower. */
  private async attempt(): Promise<void> {
    try {
      const after = await this.start();
      await this.read(after);
    } catch (error) {
      if (this.options.signal.aborted && !(error instanceof FollowerFailed)) return;
      const cause = error instanceof FollowerFailed ? error.cause : error;
      if (error instanceof FollowerFailed && !(cause instanceof MayPass)) throw cause;
      if (error instanceof LogTruncated) throw error;
      // What was put off and could not be written is read again.
      if (cause instanceof MayPass) this.unsettled = 0;
      this.failed(cause, true);
      await this.pause();
    }
  }

  /** Where to read on: after the checkpoint if the log still holds that event there, else from zero. */
  private async start(): Promise<bigint> {
    if (this.unsettled > 0) await this.settle();
    const log = await this.store.log();
    this.logId = log.logId;
    this.head = log.head;
    const checkpoint = await ofFollower(() => this.follower.checkpoint());
    let after = 0n;
    if (checkpoint && (await holds(this.store, log, checkpoint))) after = checkpoint.position;
    else if (checkpoint) {
      // What it shows from here on is not even an old story: it is half of one.
      this.caughtUp = false;
      this.options.onReset?.();
      await ofFollower(() => this.follower.reset({ logId: log.logId }));
    }
    this.handled = this.seen = after;
    this.owed = undefined;
    this.heard(log.head);
    this.state = after >= this.head ? 'live' : 'catching-up';
    this.caughtUp ||= this.state === 'live';
    if (this.error && this.state === 'live') {
      // No event may come for long that would show that it goes on.
      this.error = undefined;
      this.options.onProgress?.(this.status());
    }
    this.waiting.arrived(after);
    return after;
  }

  private async read(after: bigint): Promise<void> {
    const { signal, batch = BATCH } = this.options;
    const reading = new AbortController();
    const stop = AbortSignal.any([signal, reading.signal]);
    const events = this.store.readAll(after, { follow: true, signal: stop })[Symbol.asyncIterator]();
    try {
      let next: Promise<IteratorResult<Recorded>> | null = events.next();
      while (next && !signal.aborted) {
        if (this.unsettled > 0 && !(await settlesWithin(QUIET_MS, next))) await this.settle();
        const gathered: Gathered<Recorded> = await gather(events, next, batch);
        next = gathered.next;
        if (gathered.items.length > 0) await this.handOver(gathered.items, gathered.idle);
      }
    } finally {
      reading.abort();
    }
    if (!signal.aborted) throw new Error('the store stopped reading');
    if (this.unsettled > 0) await this.settle();
  }

  private async handOver(events: readonly Recorded[], idle: boolean): Promise<void> {
    const last = events.at(-1)!;
    const { position, stream, revision, id } = last;
    // Gathering a full batch was a slice of work of its own, and handling it is the next one.
    if (!idle) await turn();
    await ofFollower(() =>
      this.follower.handle(events, { logId: this.logId, position, stream, revision, id }),
    );
    this.handled = position;
    this.unsettled += events.length;
    this.lastEventAt = typeof last.meta['time'] === 'string' ? last.meta['time'] : null;
    this.error = undefined;
    this.pauseMs = 0;
    if (this.state === 'catching-up' && position >= this.head) this.heard((await this.store.log()).head);
    const there = position >= this.head || this.state === 'live';
    if (there || !this.follower.settle || this.unsettled >= SETTLE_EVERY) await this.settle();
    this.options.onProgress?.(this.status());
    if (!idle) await turn();
  }

  private async settle(): Promise<void> {
    await ofFollower(async () => this.follower.settle?.());
    this.unsettled = 0;
    this.seen = this.handled;
    if (this.owed && this.seen >= this.owed.position) this.owed = undefined;
    this.heard(this.head);
    // Only now: who is told that it is live expects to see everything.
    if (this.state === 'catching-up' && this.seen >= this.head) this.state = 'live';
    this.caughtUp ||= this.state === 'live';
    this.waiting.arrived(this.seen);
  }

  private heard(head: bigint): void {
    this.head = head;
    if (head > this.seen) this.owed ??= { position: head, since: performance.now() };
  }

  private failed(error: unknown, willRetry: boolean): void {
    this.error = error instanceof Error ? error : new Error(String(error));
    this.options.onError?.(this.error, willRetry);
  }

  private pause(): Promise<void> {
    const { first, longest } = this.options.retryMs ?? RETRY_MS;
    this.pauseMs = Math.min(longest, Math.max(first, this.pauseMs * 2));
    return pause(this.pauseMs, this.options.signal);
  }
}

/** What the follower itself threw: that stops it, where an error of the store is retried. */
class FollowerFailed extends Error {}

async function ofFollower<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new FollowerFailed('the follower failed', { cause });
  }
}

/**
 * Whether the log is the one the checkpoint was made on and still has its event in that place. Where that stream was
 * truncated it cannot tell, and one damaged stream is no reason to stop or rebuild what follows all of them: then it is
 * enough that the log goes that far.
 */
async function holds(store: EventStore, log: LogState, checkpoint: Checkpoint): Promise<boolean> {
  const { position, stream, revision, id } = checkpoint;
  if (checkpoint.logId !== log.logId || position > log.head) return false;
  try {
    for await (const event of store.read(stream, revision))
      return event.id === id && event.position === position;
    // Nothing is there: either it never was, or all of the stream is hidden. Its beginning tells.
    for await (const _ of store.read(stream)) break;
    return false;
  } catch (error) {
    if (error instanceof LogTruncated) return true;
    throw error;
  }
}
