import { ChannelDto } from '@gatehouse/platform';

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
