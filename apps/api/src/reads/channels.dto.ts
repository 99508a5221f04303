import type { ShownChannel } from '@gatehouse/platform';

export class ChannelDto implements ShownChannel {
  topic: string;
  /** The log up to here has been delivered; null: not known. */
  position: string | null;
  /** Positions between that and the end of the log. */
  lag: string | null;
  /** When its last message was acknowledged. */
  lastDeliveryAt: string | null;
  state: 'live' | 'behind' | 'failing' | 'stopped' | 'unknown';
  error?: string;
}

export class RelayDto {
  /** What the process that answers does: it relays, would if need be, looks on, looks for the brokers, or gave up. */
  role: 'active' | 'standby' | 'observer' | 'connecting' | 'stopped';
  error?: string;
}

export class ChannelsDto {
  /** Null: nothing is fanned out here. */
  relay: RelayDto | null;
  channels: ChannelDto[];
}
