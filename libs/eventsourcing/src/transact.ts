import { setTimeout as pause } from 'node:timers/promises';

import { Budget } from './budget';
import {
  AnotherCopy,
  OutcomeUnknown,
  StoreUnavailable,
  WrongRevision,
  type Appended,
  type EventStore,
  type JsonObject,
  type NewEvent,
  type Recorded,
} from './event-store';
import { LookedAt } from './looked-at';
import { Standing } from './standing';
import { StreamQueues } from './stream-queues';
import { commandMeta, WarmStates, type CommandId, type Folding, type Warm } from './warm-states';

/** A command makes one event, or none if it is so already. */
type Decided = readonly { readonly type: string; readonly data: JsonObject }[];

/** An aggregate: how its facts fold, and what a command makes of them. Pure. */
export interface Decider<State, Fact, Command> extends Folding<State, Fact> {
  /** At most one event; throws to refuse. `now` and `eventId` are what the event will carry. */
  decide(command: Command, state: State, at: At): Decided;
  /** Which event of its stream the decision looks at again, if any: what is too large for the state. */
  looksAt?(command: Command, state: State): bigint | undefined;
}

/** What a decision is given besides the command and the state. */
export type At = {
  readonly now: string;
  readonly eventId: string;
  /** What `looksAt` named. */
  readonly lookedAt?: Recorded;
};

/** A command, and what is recorded with the event that it makes. */
export type Request<Command> = {
  readonly stream: string;
  /** May still be on its way, e.g. while rules are read: the stream is read meanwhile. */
  readonly command: Command | Promise<Command>;
  /** The same command makes the same event id. */
  readonly eventId: string;
  /** Everything of the meta but `id` and `time`, which are set here. */
  readonly meta: JsonObject & { readonly command: CommandId };
  /**
   * In `performance.now()` time: by then there is an answer. After `DeadlinePassed` nothing is sent to the log any more;
   * after `OutcomeUnknown` the append goes on, and may still come to be recorded.
   */
  readonly deadline?: number;
};

/** What a command came to. `recorded` is null when it was so already; `replayed` when the same key made it earlier. */
export type Outcome<State> = {
  readonly recorded: Recorded | null;
  readonly replayed: boolean;
  /** The state after it. It moves on with the next command: take from it at once what is needed. */
  readonly state: State;
  /** Of the event, or of the stream's last event when nothing was appended. */
  readonly position: bigint;
};

/** The clock is far behind what the stream has seen: nothing was written. */
export class ClockSkew extends Error {
  override readonly name = 'ClockSkew';
}

/** An idempotency key came again with another command. */
export class IdempotencyKeyReused extends Error {
  override readonly name = 'IdempotencyKeyReused';
}

export type TransactOptions = {
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Memory for folded states. */
  readonly maxBytes?: number;
  /** Commands that may wait for one stream. */
  readonly maxWaiting?: number;
};

const RACES = 20;
const RETRIES = 4;
const RETRY_MS = 50;
const MAX_SKEW_MS = 60_000;

/**
 * Decides commands and appends what comes of them: one at a time for each stream, on a folded state that moves
 * only when the append is acknowledged. A lost race is read and decided again; an append with an unknown outcome
 * is appended again with the same id at the same revision, which tells whether it is in the log.
 */
export class Transactor<State, Fact, Command> {
  private readonly states: WarmStates<State, Fact>;
  private readonly queues: StreamQueues;
  private readonly lookedAt: LookedAt;
  /** For those who only look: states of their own, so that they neither wait for commands nor keep any waiting. */
  private readonly standing: Standing<State, Fact>;
  private readonly clock: () => number;

  constructor(
    private readonly store: EventStore,
    private readonly decider: Decider<State, Fact, Command>,
    { clock = Date.now, maxBytes = 48 * 1024 * 1024, maxWaiting = 1_000 }: TransactOptions = {},
  ) {
    this.states = new WarmStates(store, decider, maxBytes);
    this.queues = new StreamQueues(maxWaiting);
    this.lookedAt = new LookedAt(store);
    this.standing = new Standing(store, decider);
    this.clock = clock;
  }

  /**
   * What `answer` makes of the outcome, at the instant of it. Throws what `decide` throws (nothing recorded),
   * `IdempotencyKeyReused`, `QueueFull`, `ClockSkew`, `WrongRevision` (lost too many races), `EventTooLarge`,
   * `StoreUnavailable`, `DeadlinePassed` (nothing recorded), `OutcomeUnknown` (recorded or not).
   */
  async transact<T>(request: Request<Command>, answer: (outcome: Outcome<State>) => T): Promise<T> {
    // Who never gets a turn does not wait for it.
    void Promise.resolve(request.command).catch(() => undefined);
    const budget = new Budget(request.deadline);
    return budget.limits(this.inTurn(request, budget, answer));
  }

  private inTurn<T>(
    request: Request<Command>,
    budget: Budget,
    answer: (outcome: Outcome<State>) => T,
  ): Promise<T> {
    return this.queues.run(request.stream, async () => {
      budget.assertLeft();
      const [warm, command] = await Promise.all([this.states.get(request.stream), request.command]);
      // Whether the state was read after the command came; on a store of this process's own it always is the last word.
      let newest = !this.store.shared;
      for (let races = 0; ; races++, newest = true) {
        const known = await this.madeBefore(request, warm);
        if (known)
          return answer({ recorded: known, replayed: true, state: warm.state, position: known.position });
        const event = newest
          ? await this.decide(request, command, warm)
          : await this.decideForNow(request, command, warm);
        if (event === 'ask again') {
          // There may be news, among them what an earlier command with this key made.
          await this.states.catchUp(warm);
          continue;
        }
        if (!event)
          return answer({ recorded: null, replayed: false, state: warm.state, position: warm.position });
        budget.assertLeft();
        budget.sent = true;
        const recorded = await this.append(warm, event, races, budget);
        if (recorded)
          return answer({ recorded, replayed: false, state: warm.state, position: recorded.position });
      }
    });
  }

  /** What `answer` makes of the newest state, as a command would be decided on it. Nothing is recorded, and no command waits for it. */
  async look<T>(
    { stream, command }: Pick<Request<Command>, 'stream' | 'command'>,
    answer: (command: Command, state: State, at: At) => T,
  ): Promise<T> {
    void Promise.resolve(command).catch(() => undefined);
    const [{ state, time }, asked] = await Promise.all([this.standing.newest(stream), command]);
    return this.decideAt(asked, { stream, state, time }, '', answer);
  }

  /** The event that an earlier command with this key made. */
  private async madeBefore({ meta }: Request<Command>, warm: Warm<State>): Promise<Recorded | undefined> {
    const { key, fingerprint } = meta.command;
    const revision = key === undefined ? undefined : warm.known.find(key);
    if (revision === undefined) return undefined;
    const recorded = await this.lookedAt.at(warm.stream, revision);
    if (commandMeta(recorded.meta).command.fingerprint === fingerprint) return recorded;
    throw new IdempotencyKeyReused('this Idempotency-Key came with another command before');
  }

  /** Where others write too, a state that was cached may decide an append, which the store checks, and nothing else. */
  private async decideForNow(
    request: Request<Command>,
    command: Command,
    warm: Warm<State>,
  ): Promise<NewEvent | 'ask again'> {
    try {
      return (await this.decide(request, command, warm)) ?? 'ask again';
    } catch {
      // A refusal on what may be stale. If it stands, it comes again on what is new.
      return 'ask again';
    }
  }

  /** The event to append, or null when it is so already. */
  private async decide(
    request: Request<Command>,
    command: Command,
    warm: Warm<State>,
  ): Promise<NewEvent | null> {
    // The event is of the instant that it was decided at.
    const [event, time] = await this.decideAt(command, warm, request.eventId, (asked, state, at) => {
      const [decided] = this.decider.decide(asked, state, at);
      return [decided, at.now] as const;
    });
    if (!event) return null;
    if (this.clock() < warm.time - MAX_SKEW_MS)
      throw new ClockSkew(
        `this clock is more than 60 s behind the last event of ${warm.stream}; set it right`,
      );
    return { id: request.eventId, ...event, meta: { ...request.meta, id: request.eventId, time } };
  }

  private async decideAt<T>(
    command: Command,
    { stream, state, time }: Pick<Warm<State>, 'stream' | 'state' | 'time'>,
    eventId: string,
    decide: (command: Command, state: State, at: At) => T,
  ): Promise<T> {
    const revision = this.decider.looksAt?.(command, state);
    const lookedAt = revision === undefined ? undefined : await this.lookedAt.at(stream, revision);
    const now = isoTime(Math.max(this.clock(), time));
    return decide(command, state, { now, eventId, ...(lookedAt && { lookedAt }) });
  }

  /** What was recorded, or null when somebody else was first and the command has to be decided again. */
  private async append(
    warm: Warm<State>,
    event: NewEvent,
    races: number,
    budget: Budget,
  ): Promise<Recorded | null> {
    try {
      const { position, revision } = await this.appendSurely(warm, event, budget);
      const recorded = { ...event, stream: warm.stream, position, revision };
      this.states.fold(warm, recorded);
      this.states.keep(warm);
      return recorded;
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.states.forget(warm.stream);
      if (!(error instanceof WrongRevision) || races >= RACES) throw error;
      if (error.actual < warm.revision) {
        this.states.forget(warm.stream);
        throw new AnotherCopy('the log has less of the stream than was read before: it is an older copy');
      }
      // Somebody else's event is there, so this one is not.
      budget.sent = false;
      // Replicas that lose in step with each other would go on doing so.
      if (races > 1) await pause(Math.random() * 2 ** Math.min(races, 7));
      await this.states.catchUp(warm);
      return null;
    }
  }

  private async appendSurely(warm: Warm<State>, event: NewEvent, budget: Budget): Promise<Appended> {
    for (let retries = 0; ; retries++) {
      try {
        return await this.store.append(warm.stream, warm.revision, [event]);
      } catch (error) {
        const unknown = error instanceof OutcomeUnknown || (retries > 0 && error instanceof StoreUnavailable);
        if (!unknown) throw error;
        if (retries < RETRIES) await pause(RETRY_MS * 2 ** retries);
        if (retries >= RETRIES || budget.isOver)
          throw new OutcomeUnknown('the event may be in the log or not', { cause: error });
      }
    }
  }
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}
