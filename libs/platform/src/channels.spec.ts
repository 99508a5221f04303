import type { ChannelsStatus, ChannelStatus } from '@gatehouse/messaging';
import { degradedBy } from './channels';

const channel = (more: Partial<ChannelStatus>): ChannelStatus => ({
  topic: 'gatehouse.product.v1',
  position: 5n,
  lag: 0n,
  behindMs: 0,
  lastDeliveryAt: null,
  state: 'live',
  ...more,
});
const status = (...channels: ChannelStatus[]): ChannelsStatus => ({ role: 'active', channels });

describe('what the fan-out says is degraded', () => {
  it('is nothing while it keeps up, however far positions are apart: in EventStoreDB they are bytes', () => {
    expect(degradedBy(status(channel({ state: 'behind', lag: 90_000_000n, behindMs: 4_000 })))).toEqual([]);
  });

  it('is a channel that has not come to an end of the log for some seconds, be it by one event', () => {
    expect(degradedBy(status(channel({ state: 'behind', lag: 1n, behindMs: 6_200 })))).toEqual([
      'gatehouse.product.v1 is behind, for 6 s',
    ]);
  });

  it('is a channel that refuses, or of which nothing is known', () => {
    const states = ['failing', 'unknown'] as const;
    expect(degradedBy(status(...states.map((state) => channel({ state }))))).toEqual([
      'gatehouse.product.v1 is failing',
      'gatehouse.product.v1 is unknown',
    ]);
  });

  it('is a relay that stopped, with the reason, also where it was another process', () => {
    const stopped = 'a stream has no revision 3: the log was truncated';
    expect(degradedBy({ role: 'observer', error: stopped, stopped, channels: [] })).toEqual([
      `the relay is stopped: ${stopped}`,
    ]);
  });
});
