import { ACCESS_PREFIX } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { Accesses, EVENT_STORE, type Caller } from '@gatehouse/platform';
import { Inject, Injectable } from '@nestjs/common';
import {
  grantResource,
  keyResource,
  tenantResource,
  type GrantResource,
  type KeyResource,
  type TenantResource,
} from './resources';

/** What both doors answer about access: as the log has it now. */
@Injectable()
export class AccessReads {
  constructor(
    private readonly accesses: Accesses,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Every key there ever was, the newest last. */
  async keys({ tenant }: Caller): Promise<KeyResource[]> {
    const { state } = await this.accesses.newest(tenant);
    return [...state.keys.values()].map(keyResource);
  }

  /** The grants that stand, the newest last. */
  async grants({ tenant }: Caller): Promise<GrantResource[]> {
    const { state } = await this.accesses.newest(tenant);
    return [...state.grants.values()].map(grantResource);
  }

  /** Every tenant there is, in the order in which they were opened. */
  async tenants(): Promise<TenantResource[]> {
    const names = new Set<string>();
    const { signal } = new AbortController();
    for await (const { stream } of this.store.readAll(0n, { follow: false, signal, prefix: ACCESS_PREFIX }))
      names.add(stream.slice(ACCESS_PREFIX.length));
    return Promise.all(
      [...names].map(async (name) => tenantResource(name, (await this.accesses.newest(name)).state)),
    );
  }
}
