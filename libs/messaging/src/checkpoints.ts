import type { Checkpoint } from '@gatehouse/eventsourcing';

/** How far one channel is: all of it up to this position has been acknowledged. */
export type Delivered = {
  readonly position: bigint;
  /** When its last message was acknowledged; null: none was yet. */
  readonly at: string | null;
};

/** How far the relay is, in which log, and who says so. Position 0 is the start of the log: there is no event yet. */
export interface RelayCheckpoint extends Checkpoint {
  /** Grows with every owner: what an earlier owner writes late never wins. */
  readonly generation: number;
  /** Names the owner within its generation: two that claimed the same one do not overwrite each other. */
  readonly owner: string;
  /** Which election made it the owner, if there was one: of two that claimed one generation the later counts. */
  readonly term?: number;
  /** By topic. A channel may be ahead of the checkpoint, while another one refuses. */
  readonly channels: { readonly [topic: string]: Delivered };
}

/** Why the last owner gave up. It counts until somebody claims a higher generation. */
export interface Stop {
  readonly stopped: string;
  readonly generation: number;
}

/** Where the relay's checkpoint is kept. */
export interface Checkpoints {
  /** The newest there is, read to the end of what has been written. Throws when that cannot be read now. */
  newest(): Promise<RelayCheckpoint | null>;
  /** Durable when it resolves; never replaces what another owner wrote. */
  save(checkpoint: RelayCheckpoint): Promise<void>;
  /** Whether anything was ever delivered to the channels. */
  anythingDelivered(): Promise<boolean>;
}

/**
 * The one that counts: of the latest owner the farthest, in whatever order they were written. Whoever owns claims above
 * all that it has read, and makes sure after reading that it still owns (`Relay`): so what an earlier owner writes late
 * is of no higher generation, and within one generation of an earlier term.
 */
export function newer(a: RelayCheckpoint | null, b: RelayCheckpoint): RelayCheckpoint {
  if (a === null) return b;
  const later = b.generation - a.generation || (b.term ?? 0) - (a.term ?? 0);
  if (later !== 0) return later > 0 ? b : a;
  // Without elections two may hold the same: each is true by itself, so the farther one counts.
  return b.position >= a.position ? b : a;
}

/** As it is kept, in JSON. */
export function checkpointText(checkpoint: RelayCheckpoint): string {
  return JSON.stringify(checkpoint, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/** From what was kept; null for what is none. */
export function checkpointFrom(text: string): RelayCheckpoint | null {
  try {
    const kept = JSON.parse(text) as { [Member in keyof RelayCheckpoint]: unknown };
    const { logId, stream, id, generation, owner } = kept;
    const channels = Object.entries(kept.channels as { [topic: string]: { position: string; at: string } });
    if (![logId, stream, id, owner].every((one) => typeof one === 'string')) return null;
    if (!Number.isSafeInteger(generation)) return null;
    return {
      // Each has been looked at above.
      ...(kept as unknown as RelayCheckpoint),
      position: BigInt(kept.position as string),
      revision: BigInt(kept.revision as string),
      channels: Object.fromEntries(
        channels.map(([topic, { position, at }]) => [topic, { position: BigInt(position), at }]),
      ),
    };
  } catch {
    return null;
  }
}

/** From what was kept beside the checkpoints; null for what is none. */
export function stopFrom(text: string): Stop | null {
  try {
    const { stopped, generation } = JSON.parse(text) as { [Member in keyof Stop]: unknown };
    return typeof stopped === 'string' && typeof generation === 'number' ? { stopped, generation } : null;
  } catch {
    return null;
  }
}
