import { setTimeout as pause } from 'node:timers/promises';
import {
  type Appended,
  type EventStore,
  type LogState,
  type NewEvent,
  OutcomeUnknown,
  type ReadAllOptions,
  type Recorded,
  StoreUnavailable,
} from '@gatehouse/eventsourcing';

/** The process that appends is gone. */
export class Died extends Error {}

type Fate = 'die before' | 'die after' | 'die early' | 'lose' | 'lose answer' | 'refuse';

/** A way to a store that breaks at the n-th append, before it or after it, and that loses requests and answers on request. */
export class MortalEventStore implements EventStore {
  readonly shared = true;
  /** Appends that were sent. */
  sent = 0;
  /** Appends that arrive when whoever sent them is gone already. */
  late: Promise<Appended> | null = null;

  constructor(
    private readonly store: EventStore,
    private readonly fate: (append: number) => Fate | null,
  ) {}

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    const fate = this.fate(++this.sent);
    if (fate === 'die before') throw new Died();
    if (fate === 'die early') {
      this.late = pause(2).then(() => this.store.append(stream, expected, events));
      throw new Died();
    }
    if (fate === 'refuse') throw new StoreUnavailable('no leader just now');
    if (fate === 'lose') throw new OutcomeUnknown('lost on the way there');
    const appended = await this.store.append(stream, expected, events);
    if (fate === 'die after') throw new Died();
    if (fate === 'lose answer') throw new OutcomeUnknown('lost on the way back');
    return appended;
  }

  read(stream: string, from?: bigint): AsyncIterable<Recorded> {
    return this.store.read(stream, from);
  }

  readAll(after: bigint, options: ReadAllOptions): AsyncIterable<Recorded> {
    return this.store.readAll(after, options);
  }

  log(): Promise<LogState> {
    return this.store.log();
  }
}
