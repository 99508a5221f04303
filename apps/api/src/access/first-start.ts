import { ACCESS_PREFIX, accessStream } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE, Settings } from '@gatehouse/platform';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { FIRST_TENANT, leaveAdminKey } from './admin-key-file';

/**
 * Before the doors open: a log in which nobody is known gets the tenant `default` and a key for its admin. The key is in
 * `<data>/admin.key`, for the owner of the process alone, and nowhere else.
 */
@Injectable()
export class FirstStart implements OnModuleInit {
  /** Where the key is, if this start made it. */
  adminKeyFile: string | undefined;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly settings: Settings,
  ) {}

  async onModuleInit(): Promise<void> {
    if (await this.isAnybodyKnown()) return;
    // Null: another replica that started at the same time was first; the key is in its folder.
    const left = await leaveAdminKey(this.store, this.settings.data, FIRST_TENANT, 'openTenant');
    this.adminKeyFile = left?.file;
  }

  private async isAnybodyKnown(): Promise<boolean> {
    for await (const _ of this.store.read(accessStream(FIRST_TENANT))) return true;
    const { signal } = new AbortController();
    for await (const _ of this.store.readAll(0n, { follow: false, signal, prefix: ACCESS_PREFIX }))
      return true;
    return false;
  }
}
