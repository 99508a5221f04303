import {
  Global,
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { join } from 'node:path';
import type { EventStore, Following } from '@gatehouse/eventsourcing';
import { PointerFile, prepareFolder } from '@gatehouse/pointer-file';
import { Views } from '@gatehouse/projections';
import { FollowerHost } from './follower-host';
import { Metrics } from './metrics';
import { Settings, SettingWrong } from './settings';
import { StoreState } from './store-state';
import { breakGlassMetrics } from './store-metrics';
import { EVENT_STORE } from './store.tokens';

const DAY_MS = 86_400_000;
const logger = new Logger('Views');

/** The views of the log (`views.db`), of this process alone, and the pointer files made from them. */
@Global()
@Module({
  providers: [
    {
      provide: Views,
      // After the store, whose lock keeps a second process out of the folder.
      inject: [Settings, EVENT_STORE],
      useFactory: ({ data }: Settings) => {
        const file = join(data, 'views.db');
        return Views.open(file, (err) =>
          logger.warn({ file, err, msg: 'damaged views: made anew from the log' }),
        );
      },
    },
  ],
  exports: [Views],
})
export class ViewsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly views: Views,
    private readonly followers: FollowerHost,
    private readonly settings: Settings,
    metrics: Metrics,
    state: StoreState,
  ) {
    state.gaps = () => views.gaps.size;
    breakGlassMetrics(metrics.registry, views);
  }

  /** Does not wait for the views to catch up: until then the process is alive, and not ready. */
  async onApplicationBootstrap(): Promise<void> {
    const { pointerDir } = this.settings;
    if (pointerDir !== undefined) await writable(pointerDir);
    const views = this.followers.start(this.store, this.views);
    if (pointerDir !== undefined)
      this.followers.start(this.store, this.pointerFile(pointerDir, views), { beside: true });
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
  }
}

async function writable(folder: string): Promise<void> {
  try {
    await prepareFolder(folder);
  } catch (error) {
    throw new SettingWrong(
      `GATEHOUSE_POINTER_DIR must be a folder that can be written: ${(error as Error).message}`,
    );
  }
}
