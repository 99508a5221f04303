import { AnotherCopy, LogTruncated, type EventStore, type JsonObject, type Recorded } from './event-store';
import { KnownCommands } from './known-commands';
import { Seats } from './seats';
import { Slices } from './slices';

/** How the facts of an aggregate fold. Pure, but for `evolve`, which works in place. */
export interface Folding<State, Fact> {
  initial(): State;
  /** From what is stored to what it means; throws on what this release does not know. */
  decode(recorded: Recorded): Fact;
  evolve(state: State, fact: Fact): void;
  /** About how much memory a state takes. */
  bytes(state: State): number;
}

/** A stream folded up to a revision. */
export type Warm<State> = {
  readonly stream: string;
  readonly state: State;
  readonly known: KnownCommands;
  /** Of the last event folded; -1n and 0n when there is none. */
  revision: bigint;
  position: bigint;
  /** Of the last event folded; '' when there is none. */
  id: string;
  /** Milliseconds since the epoch: the time of the last event. */
  time: number;
};

/** How the meta of an event names its command: the idempotency key, hashed, and what was asked. */
export type CommandId = {
  readonly id: string;
  readonly key?: string | undefined;
  readonly fingerprint: string;
};

type CommandMeta = { readonly time: string; readonly command: CommandId };

export function commandMeta(meta: JsonObject): CommandMeta {
  return meta as CommandMeta;
}

const KEY_BYTES = 150;
/** So many events are folded at once of any stream. */
const SHORT = 256;
/** Longer streams that are folded from zero at the same time: each takes memory that nobody has made room for yet. */
const LONG_AT_ONCE = 4;

/** Folded streams, the least recently used forgotten when together they take more than `maxBytes`. */
export class WarmStates<State, Fact> {
  private readonly entries = new Map<string, { warm: Warm<State>; bytes: number }>();
  private total = 0;
  private readonly seats = new Seats(LONG_AT_ONCE);

  constructor(
    private readonly store: EventStore,
    private readonly folding: Folding<State, Fact>,
    private readonly maxBytes: number,
  ) {}

  /** The stream as last folded here, or folded now from zero. */
  async get(stream: string): Promise<Warm<State>> {
    return this.kept(stream) ?? this.fromZero(stream);
  }

  /** The stream as it is now: what is behind the state as last folded here is read, once. One at a time for each stream. */
  async newest(stream: string): Promise<Warm<State>> {
    const warm = this.kept(stream);
    if (!warm) return this.fromZero(stream);
    await this.catchUp(warm);
    return warm;
  }

  private kept(stream: string): Warm<State> | undefined {
    const entry = this.entries.get(stream);
    if (!entry) return undefined;
    // The last in the map is the last to be forgotten.
    this.entries.delete(stream);
    this.entries.set(stream, entry);
    return entry.warm;
  }

  private async fromZero(stream: string): Promise<Warm<State>> {
    const state = this.folding.initial();
    const warm = { stream, state, known: new KnownCommands(), revision: -1n, position: 0n, id: '', time: 0 };
    await this.catchUp(warm);
    return warm;
  }

  /** Folds what the stream has got since, in slices, so that a long stream stalls nobody else. */
  async catchUp(warm: Warm<State>): Promise<void> {
    const slices = new Slices();
    const long = warm.revision < 0n ? BigInt(SHORT) : undefined;
    let leave: (() => void) | undefined;
    try {
      for await (const recorded of this.news(warm)) {
        if (recorded.revision === long) leave = await this.seats.take();
        this.fold(warm, recorded);
        if (slices.over()) await slices.next();
      }
    } catch (error) {
      // What was folded is so as long as it was folded from this log, however long the log is away.
      if (error instanceof AnotherCopy || error instanceof LogTruncated) this.forget(warm.stream);
      else this.keep(warm);
      throw error;
    } finally {
      leave?.();
    }
    this.keep(warm);
  }

  /**
   * What is behind a state. Others may have put back a backup of a log that they share: then what the state ends with is not there,
   * or is something else. Throws `AnotherCopy`.
   */
  private async *news({ stream, revision, id }: Warm<State>): AsyncGenerator<Recorded> {
    if (!this.store.shared || revision < 0n) {
      yield* this.store.read(stream, revision + 1n);
      return;
    }
    let last = '';
    for await (const recorded of this.store.read(stream, revision)) {
      if (recorded.revision === revision) last = recorded.id;
      if (last !== id) break;
      if (recorded.revision > revision) yield recorded;
    }
    if (last !== id) throw new AnotherCopy('the log lacks what was read of the stream before');
  }

  /** Moves a state one event on. */
  fold(warm: Warm<State>, recorded: Recorded): Fact {
    const fact = this.folding.decode(recorded);
    this.folding.evolve(warm.state, fact);
    const { time, command } = commandMeta(recorded.meta);
    warm.revision = recorded.revision;
    warm.position = recorded.position;
    warm.id = recorded.id;
    warm.time = Date.parse(time);
    if (command.key !== undefined) warm.known.add(command.key, recorded.revision, warm.time);
    return fact;
  }

  /** Remembers the state as the most recently used. */
  keep(warm: Warm<State>): void {
    this.forget(warm.stream);
    if (warm.revision < 0n) return;
    const bytes = this.folding.bytes(warm.state) + KEY_BYTES * warm.known.size;
    this.entries.set(warm.stream, { warm, bytes });
    this.total += bytes;
    for (const stream of this.entries.keys()) {
      // One that is larger than all the room there is stays while it is in use: to fold it for every command costs more.
      if (this.total <= this.maxBytes || stream === warm.stream) break;
      this.forget(stream);
    }
  }

  /** Drops a state that can no longer be trusted; the next command folds the stream from zero. */
  forget(stream: string): void {
    this.total -= this.entries.get(stream)?.bytes ?? 0;
    this.entries.delete(stream);
  }
}
