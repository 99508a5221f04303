import { Inject, Injectable } from '@nestjs/common';
import type { EventStore } from '@gatehouse/eventsourcing';
import { visibleTo, type OperationName } from '@gatehouse/domain';
import { EVENT_STORE, Stopping, type Caller } from '@gatehouse/platform';
import {
  accessEvents,
  events,
  modelEvents,
  policyEvents,
  Views,
  type Feed,
  type Live,
  type PublicEvent,
} from '@gatehouse/projections';
import { orCutShort } from './cut-short';
import type { EventsQuery } from './reads.dto';
import { Reads } from './reads';

/** What a watcher is told: which log this is, first; then the pointer, whenever it is newer than the last one told. */
export type Told = { readonly logId?: string; readonly live?: Live };

type Sees = (model: string | null) => boolean;
const ALL: Sees = () => true;

/** What can be replayed, by the right that it takes; policies are the same for whoever may read them. */
const FEEDS = {
  list: ({ tenant, roles }, { model }) => ({
    feed: modelEvents(tenant, model),
    sees: visibleTo(roles, 'list'),
  }),
  'read-access': ({ tenant }) => ({ feed: accessEvents(tenant), sees: ALL }),
  'read-policies': ({ tenant }) => ({ feed: policyEvents(tenant), sees: ALL }),
} satisfies { [right in OperationName]?: (caller: Caller, query: EventsQuery) => { feed: Feed; sees: Sees } };
export type Replayable = keyof typeof FEEDS;

/**
 * What goes on and on. Nothing is read before it is asked for; it ends when the reader leaves, and throws why when it is
 * cut short: the process stops, or `left` was aborted for a reason.
 */
@Injectable()
export class Streams {
  constructor(
    private readonly reads: Reads,
    private readonly views: Views,
    private readonly stopping: Stopping,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Throws `model-unknown` before the first message. */
  watch(
    tenant: string,
    model: string,
    afterRevision: number | undefined,
    left: AbortController,
  ): AsyncGenerator<Told, void> {
    return orCutShort(this.pointers(tenant, model, afterRevision, left), left);
  }

  private async *pointers(
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

  /** The events of a feed after a position: to the end of the log, or on and on. */
  replay(
    right: Replayable,
    caller: Caller,
    query: EventsQuery,
    follow: boolean,
    left: AbortController,
  ): AsyncGenerator<PublicEvent, void> {
    const { after, type } = query;
    const signal = this.stopping.alsoEnds(left);
    const { feed, sees } = FEEDS[right](caller, query);
    const told = events(this.store, feed, { after: BigInt(after ?? 0), follow, signal, type });
    return orCutShort(seen(told, sees), left);
  }
}

/** Of the events those that the reader may know of. */
async function* seen(events: AsyncIterable<PublicEvent>, sees: Sees): AsyncGenerator<PublicEvent, void> {
  for await (const event of events) if (sees(event.model)) yield event;
}
