import { Global, Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { Logger } from 'pino';
import { Accesses } from './access/accesses';
import { CallerGuard } from './access/caller.guard';
import { Credentials } from './access/credentials';
import { OperationsDeclared } from './access/operations-declared';
import { Channels, RELAYS } from './channels';
import { FollowerHost } from './follower-host';
import { Health } from './health';
import { LOG } from './logging';
import { Metrics } from './metrics';
import { Settings } from './settings';
import { Stopping } from './stopping';
import { StoreModule } from './store.module';
import { StoreState } from './store-state';

/** What every app of ours stands on: settings, log, metrics, the store and its followers, health. */
@Global()
@Module({})
export class PlatformModule {
  /** `relays`: whether this process fans out (where Kafka is set at all). By default if the log is its own alone. */
  static with(settings: Settings, log: Logger, relays?: boolean): DynamicModule {
    const shared = [
      { provide: Settings, useValue: settings },
      { provide: LOG, useValue: log },
      Accesses,
      Credentials,
      CallerGuard,
      Metrics,
      Stopping,
      StoreState,
      FollowerHost,
      { provide: RELAYS, useValue: relays },
      Channels,
      Health,
    ];
    return {
      module: PlatformModule,
      imports: [DiscoveryModule, StoreModule],
      providers: [...shared, OperationsDeclared],
      exports: [...shared, StoreModule],
    };
  }
}
