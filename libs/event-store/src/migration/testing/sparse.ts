import type {
  Appended,
  EventStore,
  LogState,
  NewEvent,
  ReadAllOptions,
  Recorded,
} from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';

/** A store whose positions have gaps, as those of EventStoreDB do: each is so many times what it would be. */
export class SparseEventStore implements EventStore {
  readonly shared = true;

  constructor(
    private readonly factor: bigint,
    private readonly store = new MemoryEventStore(),
  ) {}

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    return this.moved(await this.store.append(stream, expected, events));
  }

  async *read(stream: string, from?: bigint): AsyncGenerator<Recorded> {
    for await (const event of this.store.read(stream, from)) yield this.moved(event);
  }

  async *readAll(after: bigint, options: ReadAllOptions): AsyncGenerator<Recorded> {
    for await (const event of this.store.readAll(after / this.factor, options)) yield this.moved(event);
  }

  async log(): Promise<LogState> {
    const { logId, head } = await this.store.log();
    return { logId, head: head * this.factor };
  }

  private moved<T extends { readonly position: bigint }>(place: T): T {
    return { ...place, position: place.position * this.factor };
  }
}
