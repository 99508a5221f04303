import type { Recorded } from './event-store';
import { reasonOf } from './reason';

/** How far a follower has come, and in which log; verified at start, because a log can be restored from a backup. */
export interface Checkpoint {
  readonly logId: string;
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
}

/** A follower could not act for a reason that may pass (a full disk): it starts again from its checkpoint, after a pause. */
export class MayPass extends Error {
  override readonly name = 'MayPass';
  /** See `reasonOf`: of what is behind it, if anything is. */
  readonly told: string;
  constructor(message: string, options: ErrorOptions & { readonly told?: string } = {}) {
    super(message, options);
    this.told = options.told ?? (options.cause === undefined ? message : reasonOf(options.cause));
  }
}

/** Something that reads the log in order, acts, and remembers how far it came. */
export interface Follower {
  readonly name: string;
  /** Where it stands; null before the first event. Asked at every start: what was put off and not written is forgotten. */
  checkpoint(): Promise<Checkpoint | null>;
  /**
   * Acts on some consecutive events and moves the checkpoint, both or neither. Twice is the same as once. An error
   * stops the follower for good, `MayPass` does not.
   */
  handle(events: readonly Recorded[], checkpoint: Checkpoint): Promise<void>;
  /**
   * Optional. A follower that has it may put off, together, the work and the checkpoint of `handle` until this is
   * called, which happens whenever nothing more is waiting: while catching up, one write serves many events.
   */
  settle?(): Promise<void>;
  /** The checkpoint is not of this log: forget everything and start from zero, or throw to stop. */
  reset(log: { logId: string }): Promise<void>;
}
