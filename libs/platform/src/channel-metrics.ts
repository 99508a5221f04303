import { Gauge, type Registry } from 'prom-client';
import type { ChannelsStatus, ChannelStatus } from '@gatehouse/messaging';
import { inOne } from './store-metrics';

/** How far each channel is, asked when it is scraped; nothing where nothing is fanned out. */
export function channelMetrics(
  registry: Registry,
  channels: { status(): Promise<ChannelsStatus | null> },
): void {
  const status = inOne(() => channels.status());
  const gauge = (name: string, help: string, of: (channel: ChannelStatus) => number | null) =>
    new Gauge({
      name: `gatehouse_channel_${name}`,
      help,
      labelNames: ['topic'] as const,
      registers: [registry],
      async collect() {
        this.reset();
        for (const channel of (await status())?.channels ?? []) {
          const value = of(channel);
          if (value !== null) this.set({ topic: channel.topic }, value);
        }
      },
    });
  const number = (value: bigint | null) => (value === null ? null : Number(value));
  gauge('position', 'Everything up to here has been delivered', ({ position }) => number(position));
  gauge('lag', 'Positions between that and the end of the log', ({ lag }) => number(lag));
  gauge('behind_seconds', 'For so long an end of the log has not been reached', ({ position, behindMs }) =>
    position === null ? null : behindMs / 1_000,
  );
  gauge('failing', '1 while the topic refuses or the relay has stopped', ({ state }) =>
    Number(state === 'failing' || state === 'stopped'),
  );
  gauge('last_delivery_timestamp_seconds', 'When its last message was acknowledged', ({ lastDeliveryAt }) =>
    lastDeliveryAt === null ? null : Date.parse(lastDeliveryAt) / 1000,
  );
  const relay = (name: string, help: string, of: (status: ChannelsStatus) => boolean) =>
    new Gauge({
      name: `gatehouse_relay_${name}`,
      help,
      registers: [registry],
      async collect() {
        const now = await status();
        // Without a fan-out there is no relay, not one that does nothing.
        this.remove();
        if (now !== null) this.set(Number(of(now)));
      },
    });
  relay('active', '1 in the process that relays', ({ role }) => role === 'active');
  // Not in the process alone where it stopped: when another one has taken over, nobody has to be woken.
  relay(
    'stopped',
    '1 while nobody relays, because the relay stopped and does not go on by itself',
    ({ stopped }) => stopped !== undefined,
  );
}
