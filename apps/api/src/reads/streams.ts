import { Inject, Injectable } from '@nestjs/common';
import type { EventStore } from '@gatehouse/eventsourcing';
import { visibleTo } from '@gatehouse/domain';
import { EVENT_STORE, Stopping, type Caller } from '@gatehouse/platform';
import { events, Views, type Live, type PublicEvent } from '@gatehouse/projections';
import type { EventsQuery } from './reads.dto';
import { Reads } from './reads';

/** What a watcher is told: which log this is, first; then the pointer, whenever it is newer than the last one told. */
export type Told = { readonly logId?: string; readonly live?: Live };

/** What goes on and on. Nothing is read before it is asked for; it ends when the reader leaves or the process stops. */
@Injectable()
export class Streams {
  constructor(
    private readonly reads: Reads,
    private readonly views: Views,
    private readonly stopping: Stopping,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Throws `model-unknown` before the first message. */
  async *watch(
    tenant: string,
    model: string,
    afterRevision: number | undefined,
    left: AbortController,
  ): AsyncGenerator<Told, void> {
    const { live: pointers } = this.views;
    const now = this.reads.live(tenant, model);
    const { logId } = await this.store.log();
    const after = afterRevision ?? -1;
    yield now.revision > after ? { logId, live: now } : { logId };
    const signal = this.stopping.alsoEnds(left);
    for await (const live of pointers.watch(tenant, model, {
      signal,
      afterRevision: Math.max(after, now.revision),
    }))
      yield { live };
  }

  /** The tenant's events after a position: to the end of the log, or on and on. */
  replay(
    { tenant, roles }: Caller,
    { after, model, type }: EventsQuery,
    follow: boolean,
    left: AbortController,
  ): AsyncGenerator<PublicEvent, void> {
    const signal = this.stopping.alsoEnds(left);
    const found = events(this.store, tenant, { after: BigInt(after ?? 0), follow, signal, model, type });
    return seen(found, visibleTo(roles, 'list'));
  }
}

/** Of the events those that the reader may know of. */
async function* seen(
  events: AsyncIterable<PublicEvent>,
  sees: (model: string | null) => boolean,
): AsyncGenerator<PublicEvent, void> {
  for await (const event of events) if (sees(event.model)) yield event;
}
