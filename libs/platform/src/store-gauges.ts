import type { SqliteEventStore, WriterStats } from '@gatehouse/event-store';
import { Gauge, type Registry } from 'prom-client';
import type { FollowerHost } from './follower-host';

/** What the store's writer does, read when it is scraped. */
export function storeGauges(registry: Registry, store: SqliteEventStore): void {
  const gauge = (name: string, help: string, of: (stats: WriterStats) => number) =>
    new Gauge({
      name: `gatehouse_store_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(of(store.stats()));
      },
    });
  gauge('batches_total', 'Transactions committed to the log, one fsync each', ({ batches }) => batches);
  gauge('appends_total', 'Appends in them', ({ appends }) => appends);
  gauge('commit_seconds_total', 'Time spent committing', ({ commitSeconds }) => commitSeconds);
  gauge('queue_depth', 'Appends that wait for their answer', ({ queued }) => queued);
  gauge('writable', '1 while the log takes writes', ({ writable }) => Number(writable));
}

/** How far each follower is, as last heard of. */
export function followerGauges(registry: Registry, followers: FollowerHost): void {
  const gauge = (
    name: string,
    help: string,
    of: (status: ReturnType<FollowerHost['status']>[number]) => number,
  ) =>
    new Gauge({
      name: `gatehouse_follower_${name}`,
      help,
      labelNames: ['follower'] as const,
      registers: [registry],
      async collect() {
        for (const status of await followers.measured()) this.set({ follower: status.name }, of(status));
      },
    });
  gauge('position', 'The last event whose effect can be seen', ({ position }) => Number(position));
  gauge('lag', 'Positions between that and the end of the log', ({ lag }) => Number(lag));
  gauge('live', '1 while it keeps up with the log', ({ state }) => Number(state === 'live'));
}
