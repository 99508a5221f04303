import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { checkAppend } from '../check-append';
import {
  type Appended,
  EventIdReused,
  type EventStore,
  EventTooLarge,
  type JsonObject,
  type LogState,
  LogTruncated,
  MAX_EVENT_BYTES,
  type NewEvent,
  type ReadAllOptions,
  type Recorded,
  WrongRevision,
} from '../event-store';
import { Slices } from '../slices';

/** An event as it is kept: the JSON as text, so that nobody changes the log through an object that was handed out. */
interface Kept extends Omit<Recorded, 'data' | 'meta'> {
  readonly data: string;
  readonly meta: string;
}

/** What all handles of one store have in common. */
class Log {
  readonly id = randomUUID();
  readonly events: Kept[] = [];
  readonly streams = new Map<string, Kept[]>();
  readonly byId = new Map<string, Kept>();
  /** Those who wait for the next event. */
  readonly waiting = new Set<() => void>();
}

/**
 * The event store for tests: a whole one, nothing is durable. `handle()` gives a second one on the same log, as a
 * replica of the service has it; `shared` says what the port's `shared` shall say.
 */
export class MemoryEventStore implements EventStore {
  readonly shared: boolean;
  private readonly state: Log;

  constructor(options: { shared?: boolean } = {}, log = new Log()) {
    this.shared = options.shared ?? false;
    this.state = log;
  }

  /** Another store on the same log. */
  handle(): MemoryEventStore {
    return new MemoryEventStore({ shared: this.shared }, this.state);
  }

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    checkAppend(stream, expected, events);
    const texts = events.map(toText);
    const known = events.map(({ id }) => this.state.byId.get(id));
    if (known.some((event) => event !== undefined)) return earlier(stream, texts, known);
    const ids = new Set<string>();
    for (const { id } of events) if (ids.size === ids.add(id).size) throw new EventIdReused(id);
    const actual = BigInt(this.state.streams.get(stream)?.length ?? 0) - 1n;
    if (actual !== expected) throw new WrongRevision(stream, expected, actual);
    return this.keep(stream, texts);
  }

  async *read(stream: string, from = 0n): AsyncGenerator<Recorded> {
    const events = this.state.streams.get(stream) ?? [];
    const slices = new Slices();
    for (let at = from < 0n ? 0 : Number(from); at < events.length; at++) {
      if (slices.over()) await slices.next();
      const event = events[at]!;
      if (event.revision !== BigInt(at)) throw new LogTruncated(stream, BigInt(at));
      yield toRecorded(event);
    }
  }

  async *readAll(
    after: bigint,
    { follow, signal, prefix = '', stream }: ReadAllOptions,
  ): AsyncGenerator<Recorded> {
    const { events } = this.state;
    const wanted = (name: string) => (stream === undefined ? name.startsWith(prefix) : name === stream);
    const end = events.length;
    const slices = new Slices();
    // Positions are dense here: the event of position p has index p − 1.
    let at = after < 0n ? 0 : Number(after);
    while (!signal.aborted) {
      if (at >= (follow ? events.length : end)) {
        if (!follow) return;
        await this.next(signal);
        continue;
      }
      if (slices.over()) await slices.next();
      const event = events[at++]!;
      if (!signal.aborted && wanted(event.stream)) yield toRecorded(event);
    }
  }

  async log(): Promise<LogState> {
    return { logId: this.state.id, head: BigInt(this.state.events.length) };
  }

  private keep(stream: string, texts: readonly Texts[]): Appended {
    const { events, streams, byId, waiting } = this.state;
    const kept = streams.get(stream) ?? [];
    streams.set(stream, kept);
    for (const text of texts) {
      const event = { ...text, stream, revision: BigInt(kept.length), position: BigInt(events.length + 1) };
      kept.push(event);
      events.push(event);
      byId.set(event.id, event);
    }
    for (const wake of waiting) wake();
    const { position, revision } = kept.at(-1)!;
    return { position, revision };
  }

  private next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.state.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.state.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

type Texts = Pick<Kept, 'id' | 'type' | 'data' | 'meta'>;

function toText({ id, type, data, meta }: NewEvent): Texts {
  const text = { id, type, data: JSON.stringify(data), meta: JSON.stringify(meta) };
  // The canonical form differs in the order of keys only, so it has as many bytes.
  const bytes = Buffer.byteLength(text.data) + Buffer.byteLength(text.meta);
  if (bytes > MAX_EVENT_BYTES) throw new EventTooLarge(bytes);
  return text;
}

function toRecorded(event: Kept): Recorded {
  return { ...event, data: parse(event.data), meta: parse(event.meta) };
}

/** Some ids are in the log. All of them, unchanged and in a row: the append was done before, here is its result. */
function earlier(stream: string, texts: readonly Texts[], known: readonly (Kept | undefined)[]): Appended {
  const first = known[0]?.revision ?? 0n;
  for (const [index, text] of texts.entries()) {
    const there = known[index];
    const same =
      there?.stream === stream &&
      there.revision === first + BigInt(index) &&
      there.type === text.type &&
      isDeepStrictEqual(parse(there.data), parse(text.data)) &&
      isDeepStrictEqual(parse(there.meta), parse(text.meta));
    if (!same) throw new EventIdReused((there ?? known.find((event) => event !== undefined)!).id);
  }
  const { position, revision } = known.at(-1)!;
  return { position, revision };
}

function parse(text: string): JsonObject {
  return JSON.parse(text) as JsonObject;
}
