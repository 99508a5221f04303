import type { FollowStatus } from '@gatehouse/eventsourcing';
import type { OpenStore, StoreStats } from '@gatehouse/event-store';
import type { Views } from '@gatehouse/projections';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FollowerHost } from './follower-host';

/** What the store's writer does, read when it is scraped. */
export function storeMetrics(registry: Registry, store: OpenStore): void {
  const counter = (name: string, help: string, of: (stats: StoreStats) => number) =>
    new Counter({
      name: `gatehouse_store_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(of(store.stats()));
      },
    });
  const gauge = (name: string, help: string, of: (stats: StoreStats) => number) =>
    new Gauge({
      name: `gatehouse_store_${name}`,
      help,
      registers: [registry],
      async collect() {
        await store.check();
        this.set(of(store.stats()));
      },
    });
  counter('batches', 'Commits to the log: in the embedded one, one fsync each', ({ batches }) => batches);
  counter('appends', 'Appends in them', ({ appends }) => appends);
  counter('commit_seconds', 'Time spent committing', ({ commitSeconds }) => commitSeconds);
  gauge('queue_depth', 'Appends that wait for their answer', ({ queued }) => queued);
  gauge(
    'silent_seconds',
    'For so long the log has not answered; 0 while it does',
    ({ silentMs }) => silentMs / 1_000,
  );
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

/** How far each follower is along the log as it is now. */
export function followerMetrics(registry: Registry, followers: FollowerHost): void {
  const measured = inOne(() => followers.measured());
  const gauge = (name: string, help: string, of: (status: FollowStatus) => number) =>
    new Gauge({
      name: `gatehouse_follower_${name}`,
      help,
      labelNames: ['follower'] as const,
      registers: [registry],
      async collect() {
        for (const status of await measured()) this.set({ follower: status.name }, of(status));
      },
    });
  gauge('position', 'The last event whose effect can be seen', ({ position }) => Number(position));
  gauge('lag', 'Positions between that and the end of the log', ({ lag }) => Number(lag));
  gauge(
    'behind_seconds',
    'For so long an end of the log has not been reached',
    ({ behindMs }) => behindMs / 1_000,
  );
  gauge('live', '1 while it keeps up with the log', ({ state }) => Number(state === 'live'));
}

/** One answer for all who ask at the same time, as the gauges of one scrape do: each costs a look at the log. */
export function inOne<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask().finally(() => (asked = undefined)));
}
