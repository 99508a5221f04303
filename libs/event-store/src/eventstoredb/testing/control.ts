import type { FaultKind, FaultyCall, RandomFaults, Scripted } from './faults';
import type { InjectedEvent } from './injected';
import type { LoggedEvent } from './record';
import type { EsdbServer } from './server';

/** What a server in a process of its own can be told, one JSON object a line. */
export type Order =
  | { readonly do: 'random'; readonly chance: RandomFaults }
  | { readonly do: 'next'; readonly call: FaultyCall; readonly kind: FaultKind; readonly scripted?: Scripted }
  | { readonly do: 'clear' | 'counts' | 'size' | 'cut' | 'stop' | 'start' }
  | { readonly do: 'events'; readonly from: number; readonly limit: number }
  | { readonly do: 'inject'; readonly stream: string; readonly events: readonly InjectedEvent[] }
  | { readonly do: 'truncate'; readonly stream: string; readonly before: number };

/** An event as it goes over the door: data and metadata as text. */
export interface ShownEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

export function shown(event: LoggedEvent): ShownEvent {
  const { position, stream, revision, id, type } = event;
  const [data = '', metadata = ''] = [event.data, event.metadata].map((bytes) =>
    Buffer.from(bytes).toString(),
  );
  return { position, stream, revision, id, type, data, metadata };
}

/** Does what is ordered and says what there is to say. */
export async function obey(server: EsdbServer, order: Order): Promise<unknown> {
  switch (order.do) {
    case 'random':
      return server.faults.atRandom(order.chance);
    case 'next':
      return server.faults.next(order.call, order.kind, order.scripted);
    case 'clear':
      return server.faults.clear();
    case 'counts':
      return server.faults.counts();
    case 'size':
      return server.events().length;
    case 'cut':
      return server.cutAll();
    case 'stop':
      return server.stop();
    case 'start':
      return server.start();
    case 'events':
      return server
        .events()
        .slice(order.from, order.from + order.limit)
        .map(shown);
    case 'inject':
      return server.inject(order.stream, order.events).map(shown);
    case 'truncate':
      return server.truncate(order.stream, order.before);
  }
}
