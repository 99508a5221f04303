import type { EventStore } from './event-store';
import { WarmStates, type Folding } from './warm-states';

/** A state and the revision that it was read at; -1n: there is no such stream. `time`: of its last event, in milliseconds since the epoch. */
export type AsRead<State> = { readonly state: State; readonly revision: bigint; readonly time: number };

/**
 * Streams that decisions on other streams depend on, as they stand: folded once, and read forward from there at every
 * look. What was recorded before one looks is in what one sees, whoever recorded it.
 */
export class Standing<State, Fact> {
  private readonly states: WarmStates<State, Fact>;
  private readonly running = new Map<string, Promise<AsRead<State>>>();
  private readonly next = new Map<string, Promise<AsRead<State>>>();

  constructor(store: EventStore, folding: Folding<State, Fact>, maxBytes = 32 * 1024 * 1024) {
    this.states = new WarmStates(store, folding, maxBytes);
  }

  /** The state moves on with the next look: take from it at once what is needed. */
  newest(stream: string): Promise<AsRead<State>> {
    // One that has begun may have missed what was recorded since; all who come meanwhile share the one after it.
    const waiting = this.next.get(stream);
    if (waiting) return waiting;
    const running = this.running.get(stream);
    if (!running) return this.read(stream);
    const again = () => {
      this.next.delete(stream);
      return this.read(stream);
    };
    const next = running.then(again, again);
    this.next.set(stream, next);
    return next;
  }

  private read(stream: string): Promise<AsRead<State>> {
    const reading = this.forward(stream).finally(() => {
      if (this.running.get(stream) === reading) this.running.delete(stream);
    });
    this.running.set(stream, reading);
    return reading;
  }

  private async forward(stream: string): Promise<AsRead<State>> {
    const { state, revision, time } = await this.states.newest(stream);
    return { state, revision, time };
  }
}
