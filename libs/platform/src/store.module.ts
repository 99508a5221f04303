import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { openStore, type OpenStore } from '@gatehouse/event-store';
import { Channels } from './channels';
import { FollowerHost } from './follower-host';
import { LOG } from './logging';
import { Metrics } from './metrics';
import { Settings } from './settings';
import { StoreState } from './store-state';
import { followerMetrics, storeMetrics } from './store-metrics';
import { EVENT_STORE } from './store.tokens';
import { WaitingDoor } from './waiting-door';

/** The log, embedded (`events.db`) or in EventStoreDB, and how far the followers of this process are along it. */
@Module({
  providers: [
    {
      provide: EVENT_STORE,
      inject: [Settings, LOG],
      useFactory: opened,
    },
  ],
  exports: [EVENT_STORE],
})
export class StoreModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  private relayStopped = Promise.resolve();

  constructor(
    @Inject(EVENT_STORE) private readonly store: OpenStore,
    private readonly followers: FollowerHost,
    private readonly channels: Channels,
    state: StoreState,
    metrics: Metrics,
  ) {
    storeMetrics(metrics.registry, store);
    followerMetrics(metrics.registry, followers);
    state.check = async () => {
      await store.check();
      return store.stats();
    };
    void store.failed.then((failure) => state.fail(failure));
  }

  /** The relay needs no door: a broker that hangs and a client that does are waited for at the same time. */
  beforeApplicationShutdown(): void {
    this.relayStopped = this.channels.stop();
    // Whoever awaits it later meets the error.
    this.relayStopped.catch(() => undefined);
  }

  /** After the doors have closed, and whoever follows has stopped. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.followers.stop(), this.relayStopped]);
    await this.store.close();
  }
}

/** The log, once it is there; meanwhile whoever watches the process is told why it is not. */
async function opened(settings: Settings, log: Logger): Promise<OpenStore> {
  const { data, eventStore, eventStorePrefix: prefix, eventStoreTimeoutMs: timeoutMs } = settings;
  const door = new WaitingDoor(settings);
  const onWaiting = (why: string) => {
    log.warn({ why }, 'the log is not there yet: waiting');
    door.say(why);
  };
  try {
    return await openStore({ data, eventStore, prefix, timeoutMs, onWaiting });
  } finally {
    await door.close();
  }
}
