import { decode, modelStream, tenantPrefix, type Fact } from '@gatehouse/domain';
import type { EventStore, Recorded } from '@gatehouse/eventsourcing';
import { PAGE_CHARACTERS, type Page, type PublicEvent } from './resources';

// The log is the history: it is served from there. A copy in a view could only differ.

/** An event as `history`, `events` and gRPC tell it. Throws `Undecodable`. */
export function publicEvent(recorded: Recorded): PublicEvent {
  const { meta } = decode(recorded);
  return {
    position: String(recorded.position),
    stream: recorded.stream,
    revision: String(recorded.revision),
    id: recorded.id,
    type: recorded.type,
    tenant: meta.tenant,
    model: meta.model ?? null,
    version: versionOf(decode(recorded)),
    time: meta.time,
    actor: meta.actor,
    correlation: meta.correlation,
    causation: meta.causation ?? null,
    data: recorded.data,
  };
}

/** Which version an event is about; a rollback is about the one that it left, as its command names it. */
function versionOf(fact: Fact): number {
  return fact.type === 'model.RolledBack' ? fact.data.from.version : fact.data.version;
}

/** The events of a model, oldest first, after the one with revision `after`. Null: no such model. */
export async function history(
  store: EventStore,
  tenant: string,
  model: string,
  page: { after?: bigint; limit: number },
): Promise<Page<PublicEvent, bigint> | null> {
  const items: PublicEvent[] = [];
  let characters = 0;
  let last = page.after ?? -1n;
  for await (const event of store.read(modelStream(tenant, model), last + 1n)) {
    if (items.length === page.limit || characters > PAGE_CHARACTERS) return { items, next: last };
    items.push(publicEvent(event));
    characters += JSON.stringify(event.data).length;
    last = event.revision;
  }
  return items.length === 0 && page.after === undefined ? null : { items, next: null };
}

export interface EventsOptions {
  readonly after: bigint;
  /** Go on when the end of the log is reached. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly model?: string;
  readonly type?: string;
}

/** The events of a tenant in the order of the log; each is read when it is asked for. */
export async function* events(
  store: EventStore,
  tenant: string,
  { after, follow, signal, model, type }: EventsOptions,
): AsyncGenerator<PublicEvent, void> {
  const stream = model === undefined ? undefined : modelStream(tenant, model);
  for await (const event of store.readAll(after, {
    follow,
    signal,
    prefix: stream ?? tenantPrefix(tenant),
  })) {
    if (stream !== undefined && event.stream !== stream) continue;
    if (type !== undefined && event.type !== type) continue;
    yield publicEvent(event);
  }
}
