import { Random } from '../../sqlite/testing/random';

/** Before anything is done. */
const BEFORE = ['unavailable', 'busy', 'deadline', 'not-leader', 'hang', 'reset'] as const;
/** After the commit: the events are there and the writer does not know. */
const AFTER_COMMIT = [
  'lost-answer',
  'deadline-after-commit',
  'hang-after-commit',
  'reset-after-commit',
] as const;
/** In the middle of a stream of answers. */
const MIDWAY = ['unavailable-midway', 'unknown-midway', 'reset-midway', 'stall'] as const;
/** Only to who follows. `checkpoints-only` goes on saying how far it has looked and keeps the events to itself. */
const FOLLOWING = ['too-slow', 'checkpoints-only'] as const;

/** What can happen to which call. */
export const FAULTS = {
  append: [...BEFORE, ...AFTER_COMMIT],
  delete: [...BEFORE, ...AFTER_COMMIT],
  read: [...BEFORE, ...MIDWAY],
  'read-all': [...BEFORE, ...MIDWAY],
  subscribe: [...BEFORE, ...MIDWAY, ...FOLLOWING],
  features: BEFORE,
  gossip: BEFORE,
} as const;

export type FaultyCall = keyof typeof FAULTS;
export type FaultKind = (typeof FAULTS)[FaultyCall][number];

export interface Fault {
  readonly kind: FaultKind;
  /** For what happens midway: after so many events. */
  readonly after: number;
}

export interface Scripted {
  /** For so many calls. Default 1. */
  readonly times?: number;
  /** Midway: after so many events. Default 0. */
  readonly after?: number;
  /** Only calls for streams whose name begins so. */
  readonly stream?: string;
}

export interface RandomFaults {
  /** Of 1, the share of calls that go wrong. */
  readonly rate: number;
  readonly seed: number;
  /** Default: every kind that is possible for the call. */
  readonly kinds?: readonly FaultKind[];
  /** Default: every call but `features` and `gossip`. */
  readonly calls?: readonly FaultyCall[];
}

interface Pending {
  readonly call: FaultyCall;
  readonly fault: Fault;
  readonly stream: string;
  left: number;
}

const DATA_CALLS: readonly FaultyCall[] = ['append', 'delete', 'read', 'read-all', 'subscribe'];

/** What is going to go wrong: scripted for the next calls, or at random from a seed. */
export class Faults {
  private scripted: Pending[] = [];
  private chance: (RandomFaults & { readonly random: Random }) | undefined;
  private readonly counted = new Map<string, number>();

  /** The next call of that kind goes wrong in that way. */
  next(call: FaultyCall, kind: FaultKind, { times = 1, after = 0, stream = '' }: Scripted = {}): void {
    // Widened: each call has a list of its own type.
    if (!(FAULTS[call] as readonly FaultKind[]).includes(kind)) {
      throw new Error(`${call} cannot fail as ${kind}; it can as ${FAULTS[call].join(', ')}`);
    }
    this.scripted.push({ call, fault: { kind, after }, stream, left: times });
  }

  /** From now on a share of all calls goes wrong; the same seed and the same calls give the same faults. */
  atRandom(chance: RandomFaults): void {
    this.chance = { ...chance, random: new Random(chance.seed) };
  }

  /** Nothing goes wrong any more. */
  clear(): void {
    this.scripted = [];
    this.chance = undefined;
  }

  /** How often each thing happened: `append hang` → 3. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.counted);
  }

  /** What happens to this call; undefined for nothing. */
  draw(call: FaultyCall, stream = ''): Fault | undefined {
    const fault = this.script(call, stream) ?? this.roll(call);
    if (fault) {
      const name = `${call} ${fault.kind}`;
      this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
    }
    return fault;
  }

  private script(call: FaultyCall, stream: string): Fault | undefined {
    const found = this.scripted.find((one) => one.call === call && stream.startsWith(one.stream));
    if (found && --found.left === 0) this.scripted = this.scripted.filter((one) => one !== found);
    return found?.fault;
  }

  private roll(call: FaultyCall): Fault | undefined {
    if (!this.chance || !(this.chance.calls ?? DATA_CALLS).includes(call)) return undefined;
    const { random, rate, kinds } = this.chance;
    if (random.below(1_000_000) >= rate * 1_000_000) return undefined;
    const possible = FAULTS[call].filter((kind) => !kinds || kinds.includes(kind));
    return possible.length === 0 ? undefined : { kind: random.pick(possible), after: random.below(40) };
  }
}
