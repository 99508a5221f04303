import { randomUUID } from 'node:crypto';
import type { EventStore, JsonObject, NewEvent, ReadAllOptions, Recorded } from '../event-store';

/** A store that is open for one test. */
export interface OpenedStore {
  readonly store: EventStore;
  close(): Promise<void>;
  /** Closes the store and opens it on the same log again; left out where nothing outlives the store. */
  reopen?(): Promise<EventStore>;
}

/** A new event with an id of its own. */
export function newEvent(data: JsonObject = { n: 1 }, meta: JsonObject = { schema: 1 }): NewEvent {
  return { id: randomUUID(), type: 'test.Happened', data, meta };
}

export function newEvents(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, n) => newEvent({ n }));
}

/** Everything an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The first so many things an iterable gives. */
export async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const all: T[] = [];
  if (count === 0) return all;
  for await (const item of items) if (all.push(item) === count) break;
  return all;
}

/** The log up to its head as it is now. */
export function toHead(
  store: EventStore,
  after = 0n,
  options: Partial<ReadAllOptions> = {},
): Promise<Recorded[]> {
  return collect(store.readAll(after, { follow: false, signal: new AbortController().signal, ...options }));
}

export function ids(events: readonly { readonly id: string }[]): string[] {
  return events.map(({ id }) => id);
}

/** RFC 8785, in a few lines: keys in order of their UTF-16 units, everything else as JSON.stringify has it. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}

/** An event that takes exactly so many bytes as canonical JSON, `data` and `meta` together. */
export function eventOf(bytes: number, filler = 'x'): NewEvent {
  const frame = Buffer.byteLength(canonical({ text: '' }) + canonical({ schema: 1 }));
  const size = Buffer.byteLength(filler);
  const text = filler.repeat(Math.floor((bytes - frame) / size));
  return newEvent({ text: text + 'y'.repeat((bytes - frame) % size) });
}
