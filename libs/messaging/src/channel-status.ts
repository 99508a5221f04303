import type { LogState } from '@gatehouse/eventsourcing';
import type { Behind } from './behind';
import { CHANNELS, topicOf } from './channels';
import type { Delivered } from './checkpoints';

/** What this process does for the channels. */
export type RelayRole =
  /** It relays. */
  | 'active'
  /** It would, if the one that does were gone. */
  | 'standby'
  /** It only looks on. */
  | 'observer'
  /** The brokers cannot be reached yet, or not any more. */
  | 'connecting'
  /** It gave up: `error` says why, and somebody has to act. */
  | 'stopped';

export interface ChannelStatus {
  readonly topic: string;
  /** All of the log up to here has been delivered; null: not known. */
  readonly position: bigint | null;
  readonly lag: bigint | null;
  /** For so long it has not reached an end of the log that this process heard of. */
  readonly behindMs: number;
  /** When its last message was acknowledged. */
  readonly lastDeliveryAt: string | null;
  readonly state: 'live' | 'behind' | 'failing' | 'stopped' | 'unknown';
  readonly error?: string;
}

export interface ChannelsStatus {
  readonly role: RelayRole;
  readonly error?: string;
  /** Why nobody relays any more, here or elsewhere, until somebody acts. */
  readonly stopped?: string;
  readonly channels: readonly ChannelStatus[];
}

/** How far the channels are, in which log. */
export interface Progress {
  readonly logId: string;
  readonly channels: { readonly [topic: string]: Delivered };
  readonly position: bigint;
}

/** What is known of every channel. */
export function channelsStatus(
  prefix: string,
  relay: { readonly role: RelayRole; readonly error?: string; readonly stopped: string | null },
  progress: Progress | null,
  log: LogState | null,
  failures: ReadonlyMap<string, string>,
  behind: Behind,
): ChannelsStatus {
  const { role } = relay;
  const stopped = relay.stopped ?? undefined;
  const error = relay.error ?? stopped;
  const channels = CHANNELS.map((channel): ChannelStatus => {
    const topic = topicOf(prefix, channel);
    const failure = failures.get(topic);
    // Positions of another log cannot be compared.
    const known = progress !== null && log?.logId === progress.logId;
    if (!known)
      return { ...NOTHING, topic, ...(stopped !== undefined && { state: 'stopped', error: stopped }) };
    const { position, at } = progress.channels[topic] ?? { position: progress.position, at: null };
    const lag = log.head > position ? log.head - position : 0n;
    const behindMs = behind.ms(topic, position, log.head);
    const place = { topic, position, lag, behindMs, lastDeliveryAt: at };
    if (failure !== undefined) return { ...place, state: 'failing', error: failure };
    if (stopped !== undefined) return { ...place, state: 'stopped', error: stopped };
    return { ...place, state: lag === 0n ? 'live' : 'behind' };
  });
  const said = { ...(error !== undefined && { error }), ...(stopped !== undefined && { stopped }) };
  return { role, ...said, channels };
}

const NOTHING = { position: null, lag: null, behindMs: 0, lastDeliveryAt: null, state: 'unknown' } as const;
