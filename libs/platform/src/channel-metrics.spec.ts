import type { ChannelsStatus } from '@gatehouse/messaging';
import { Registry } from 'prom-client';
import { channelMetrics } from './channel-metrics';

const stoppedIn = async (status: ChannelsStatus): Promise<string> => {
  const registry = new Registry();
  channelMetrics(registry, { status: () => Promise.resolve(status) });
  return registry.getSingleMetricAsString('gatehouse_relay_stopped');
};

test('the relay counts as stopped while nobody relays, wherever one asks, and not when another has taken over', async () => {
  const error = 'an event of a later release';
  expect(await stoppedIn({ role: 'stopped', error, stopped: error, channels: [] })).toMatch(
    /^gatehouse_relay_stopped 1$/m,
  );
  expect(await stoppedIn({ role: 'observer', stopped: error, channels: [] })).toMatch(
    /^gatehouse_relay_stopped 1$/m,
  );
  expect(await stoppedIn({ role: 'stopped', error, channels: [] })).toMatch(/^gatehouse_relay_stopped 0$/m);
});
