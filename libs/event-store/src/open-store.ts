import type { EventStore } from '@gatehouse/eventsourcing';

/** Figures for /metrics: totals since the start, except for the last three. */
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
}

/** A log that this process has open. Nothing but the adapters knows where it is. */
export interface OpenStore extends EventStore {
  /** Resolves when the log cannot be written any more and only a new process helps: exit non-zero. Never rejects. */
  readonly failed: Promise<Error>;
  stats(): StoreStats;
  /** Waits for the appends under way, refuses new ones, ends the followers. */
  close(): Promise<void>;
}
