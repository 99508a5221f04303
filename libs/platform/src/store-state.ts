import { Injectable } from '@nestjs/common';
import type { StoreStats } from '@gatehouse/event-store';

/** How the log is: whether it takes writes (a full disk may pass), why not, and for how long it has not answered at all. */
export type LogHealth = Pick<StoreStats, 'writable' | 'reason' | 'silentMs'>;

/** Whether the event store still works. One that failed takes no writes any more: the process has to start anew. */
@Injectable()
export class StoreState {
  failure: Error | undefined;
  /** Asks the log how it is, which it says in 2 s at most. */
  check: () => Promise<LogHealth> = () => Promise.resolve({ writable: true, reason: '', silentMs: 0 });
  /** How many models the log has a gap in, as far as a view has met it. */
  gaps: () => number = () => 0;
  /** Resolves when the store fails; never rejects. */
  readonly failed: Promise<Error>;
  private resolve!: (failure: Error) => void;

  constructor() {
    this.failed = new Promise((resolve) => (this.resolve = resolve));
  }

  fail(failure: Error): void {
    this.failure = failure;
    this.resolve(failure);
  }
}
