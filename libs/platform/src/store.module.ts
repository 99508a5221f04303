import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { join } from 'node:path';
import { openStore, type OpenStore } from '@gatehouse/event-store';
import type { Following } from '@gatehouse/eventsourcing';
import { PointerFile } from '@gatehouse/pointer-file';
import { Views } from '@gatehouse/projections';
import { FollowerHost } from './follower-host';
import { LOG } from './logging';
import { Metrics } from './metrics';
import { Settings } from './settings';
import { StoreState } from './store-state';
import { followerMetrics, storeMetrics } from './store-metrics';
import { EVENT_STORE } from './store.tokens';

const DAY_MS = 86_400_000;

/** The log, embedded (`events.db`) or in EventStoreDB, the views of it (`views.db`), and what follows it in this process. */
@Module({
  providers: [
    {
      provide: EVENT_STORE,
      inject: [Settings, LOG],
      useFactory: ({ data, eventStore, eventStorePrefix }: Settings, log: Logger) =>
        openStore({
          data,
          eventStore,
          prefix: eventStorePrefix,
          onWaiting: (why) => log.warn({ why }, 'the log is not there yet: waiting'),
        }),
    },
    {
      provide: Views,
      // After the store, whose lock keeps a second process out of the folder.
      inject: [Settings, EVENT_STORE],
      useFactory: ({ data }: Settings) => Views.open(join(data, 'views.db')),
    },
  ],
  exports: [EVENT_STORE, Views],
})
export class StoreModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(EVENT_STORE) private readonly store: OpenStore,
    private readonly views: Views,
    private readonly followers: FollowerHost,
    private readonly settings: Settings,
    state: StoreState,
    metrics: Metrics,
  ) {
    storeMetrics(metrics.registry, store);
    followerMetrics(metrics.registry, followers);
    state.writable = () => store.stats().writable;
    void store.failed.then((failure) => state.fail(failure));
  }

  /** Does not wait for the views to catch up: until then the process is alive, and not ready. */
  onApplicationBootstrap(): void {
    const views = this.followers.start(this.store, this.views);
    const { pointerDir } = this.settings;
    if (pointerDir !== undefined) this.followers.start(this.store, this.pointerFile(pointerDir, views));
  }

  /** What the views say, once they are there; they may have a long way to go after a rebuild. */
  private pointerFile(folder: string, views: Following): PointerFile {
    return new PointerFile({
      folder,
      head: async () => (await this.store.log()).head,
      render: async (tenant, model, atLeast) => {
        if (!(await views.reached(atLeast, DAY_MS)))
          throw new Error(`the views did not reach position ${atLeast}`);
        const active = this.views.live.activeVersion(tenant, model);
        return active && JSON.stringify(active);
      },
    });
  }

  /** After both doors have closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.followers.stop();
    await this.views.close();
    await this.store.close();
  }
}
