import { accessStream, modelStream, policyStream, tenantPrefix } from '@gatehouse/domain';
import type { EventStore, Recorded } from '@gatehouse/eventsourcing';
import { accessEvent, policyEvent, publicEvent } from './public-event';
import { PAGE_CHARACTERS, type Page, type PublicEvent } from './resources';

// The log is the history: it is served from there. A copy in a view could only differ.

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

/** Some events of the log, and how they are told. */
export interface Feed {
  /** One stream, or those whose names begin so. */
  readonly streams: { readonly stream: string } | { readonly prefix: string };
  /** Throws `Undecodable`. */
  readonly tell: (recorded: Recorded) => PublicEvent;
}

/** The events of a tenant's models, or of one of them. */
export function modelEvents(tenant: string, model?: string): Feed {
  if (model !== undefined) return feedOf(modelStream(tenant, model), publicEvent);
  return { streams: { prefix: tenantPrefix(tenant) }, tell: publicEvent };
}

/** Who was given which right in a tenant, and who took it back. */
export function accessEvents(tenant: string): Feed {
  return feedOf(accessStream(tenant), accessEvent);
}

/** Which policies of a tenant were published, and put in force. */
export function policyEvents(tenant: string): Feed {
  return feedOf(policyStream(tenant), policyEvent);
}

function feedOf(stream: string, tell: Feed['tell']): Feed {
  return { streams: { stream }, tell };
}

export interface EventsOptions {
  readonly after: bigint;
  /** Go on when the end of the log is reached. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly type?: string;
}

/** The events of a feed in the order of the log; each is read when it is asked for. */
export async function* events(
  store: EventStore,
  { streams, tell }: Feed,
  { after, follow, signal, type }: EventsOptions,
): AsyncGenerator<PublicEvent, void> {
  for await (const event of store.readAll(after, { follow, signal, ...streams })) {
    if (type !== undefined && event.type !== type) continue;
    yield tell(event);
  }
}
