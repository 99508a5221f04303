import { ACCESS_PREFIX, type Numbered } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { Accesses, EVENT_STORE, Settings, type Caller } from '@gatehouse/platform';
import { cursors, type Cursors } from '@gatehouse/projections';
import { Inject, Injectable } from '@nestjs/common';
import type { Listed } from '../reads/reads';
import type { PageQuery } from '../reads/reads.dto';
import {
  grantResource,
  keyResource,
  tenantResource,
  type GrantResource,
  type KeyResource,
  type TenantResource,
} from './resources';

const PAGE = 50;

/** What both doors answer about access: as the log has it now. */
@Injectable()
export class AccessReads {
  private readonly cursors: Cursors;

  constructor(
    private readonly accesses: Accesses,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    { cursorSecret }: Settings,
  ) {
    this.cursors = cursors(cursorSecret);
  }

  /** A page of every key there ever was, the newest last. */
  async keys({ tenant }: Caller, page: PageQuery): Promise<Listed<KeyResource>> {
    const { state } = await this.accesses.newest(tenant);
    const { items, next } = this.page(`keys ${tenant}`, state.keys, page);
    return { items: items.map(keyResource), next };
  }

  /** A page of the grants that stand, the newest last. */
  async grants({ tenant }: Caller, page: PageQuery): Promise<Listed<GrantResource>> {
    const { state } = await this.accesses.newest(tenant);
    const { items, next } = this.page(`grants ${tenant}`, state.grants, page);
    return { items: items.map(grantResource), next };
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

  private page<T>(
    scope: string,
    all: ReadonlyMap<string, Numbered<T>>,
    { after, limit = PAGE }: PageQuery,
  ): Listed<Numbered<T>> {
    const last = after === undefined ? 0 : Number(this.cursors.open(scope, after));
    const items: Numbered<T>[] = [];
    for (const one of all.values()) {
      if (one.nth <= last) continue;
      if (items.length === limit) return { items, next: this.cursors.seal(scope, items.at(-1)!.nth) };
      items.push(one);
    }
    return { items, next: null };
  }
}
