import type { EventStore } from '@gatehouse/eventsourcing';

/** Figures for /metrics: totals since the start, then how it is now. */
export interface StoreStats {
  /** Commits: whatever the store makes durable at once. */
  readonly batches: number;
  readonly appends: number;
  readonly commitSeconds: number;
  /** Appends that wait for their answer. */
  readonly queued: number;
  readonly writable: boolean;
  /** Why it is not writable. */
  readonly reason: string;
  /** For so long the log has not answered; 0 while it does. */
  readonly silentMs: number;
}

/** A log that this process has open. Nothing but the adapters knows where it is. */
export interface OpenStore extends EventStore {
  /** Resolves when the log cannot be written any more and only a new process helps: exit non-zero. Never rejects. */
  readonly failed: Promise<Error>;
  stats(): StoreStats;
  /** Asks the log whether it answers and takes writes: `stats` says what came of it. Never rejects, and is over in 2 s. */
  check(): Promise<void>;
  /** Waits for the appends under way, refuses new ones, ends the followers. */
  close(): Promise<void>;
}
