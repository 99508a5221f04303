import type { SqliteEventStore, WriterStats } from '@gatehouse/event-store';
import type { Views } from '@gatehouse/projections';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FollowerHost } from './follower-host';

/** What the store's writer does, read when it is scraped. */
export function storeMetrics(registry: Registry, store: SqliteEventStore): void {
  const counter = (name: string, help: string, of: (stats: WriterStats) => number) =>
    new Counter({
      name: `gatehouse_store_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(of(store.stats()));
      },
    });
  const gauge = (name: string, help: string, of: (stats: WriterStats) => number) =>
    new Gauge({
      name: `gatehouse_store_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(of(store.stats()));
      },
    });
  counter('batches', 'Transactions committed to the log, one fsync each', ({ batches }) => batches);
  counter('appends', 'Appends in them', ({ appends }) => appends);
  counter('commit_seconds', 'Time spent committing', ({ commitSeconds }) => commitSeconds);
  gauge('queue_depth', 'Appends that wait for their answer', ({ queued }) => queued);
  gauge('writable', '1 while the log takes writes', ({ writable }) => Number(writable));
}

/** How often the glass was broken and nobody has looked yet: somebody should be told while it is not 0. */
export function breakGlassMetrics(registry: Registry, views: Views): void {
  new Gauge({
    name: 'gatehouse_break_glass_unreviewed',
    help: 'Promotions by break-glass that wait for the review of a second person',
    registers: [registry],
    collect() {
      this.set(views.breakGlass.open);
    },
  });
}

/** How far each follower is, as last heard of. */
export function followerMetrics(registry: Registry, followers: FollowerHost): void {
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
