import { sha256, uuidV5 } from '@gatehouse/canonical';
import { ACCESS_PREFIX, accessStream, type TenantOpened } from '@gatehouse/domain';
import { WrongRevision, type EventStore } from '@gatehouse/eventsourcing';
import { mintApiKey } from '@gatehouse/identity';
import { EVENT_STORE, Settings } from '@gatehouse/platform';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { FIRST_ADMIN } from './access-writes';

const FIRST_TENANT = 'default';

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
    if (!(await this.isAnybodyKnown())) await this.open();
  }

  private async isAnybodyKnown(): Promise<boolean> {
    for await (const _ of this.store.read(accessStream(FIRST_TENANT))) return true;
    const { signal } = new AbortController();
    for await (const _ of this.store.readAll(0n, { follow: false, signal, prefix: ACCESS_PREFIX }))
      return true;
    return false;
  }

  private async open(): Promise<void> {
    const { id, key, hash } = mintApiKey(FIRST_TENANT);
    const file = join(this.settings.data, 'admin.key');
    // First the file: a key in the log that nobody has would lock everybody out.
    rmSync(file, { force: true });
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
    try {
      await this.append({ key: id, ...FIRST_ADMIN, hash });
      this.adminKeyFile = file;
    } catch (error) {
      rmSync(file, { force: true });
      // Another replica that started at the same time was first; the key is in its folder.
      if (!(error instanceof WrongRevision)) throw error;
    }
  }

  private async append(data: TenantOpened): Promise<void> {
    const command = uuidv7();
    const id = uuidV5(command);
    const meta = {
      id,
      time: new Date().toISOString(),
      tenant: FIRST_TENANT,
      actor: { id: 'gatehouse', kind: 'service' },
      auth: { method: 'platform' },
      command: { id: command, fingerprint: sha256(command) },
      correlation: command,
      schema: 1,
    };
    await this.store.append(accessStream(FIRST_TENANT), -1n, [
      { id, type: 'access.TenantOpened', data, meta },
    ]);
  }
}
