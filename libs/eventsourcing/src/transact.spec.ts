import { randomUUID } from 'node:crypto';

import { DeadlinePassed } from './budget';
import {
  LogTruncated,
  OutcomeUnknown,
  StoreUnavailable,
  WrongRevision,
  type Appended,
  type EventStore,
  type NewEvent,
  type Recorded,
} from './event-store';
import { LookedAt } from './looked-at';
import { QueueFull } from './stream-queues';
import { MemoryEventStore } from './testing';
import {
  ClockSkew,
  IdempotencyKeyReused,
  Transactor,
  type Decider,
  type Outcome,
  type TransactOptions,
} from './transact';

/** A purse: never below zero, and setting it to what it holds changes nothing. */
type Purse = { amount: number; facts: number };
type Command = { add: number } | { set: number };

class Refused extends Error {}

const PURSE: Decider<Purse, { to: number }, Command> = {
  initial: () => ({ amount: 0, facts: 0 }),
  decode: ({ data }) => data as { to: number },
  evolve: (purse, { to }) => {
    purse.amount = to;
    purse.facts++;
  },
  bytes: () => 1_000,
  decide: (command, { amount }) => {
    const to = 'add' in command ? amount + command.add : command.set;
    if (to < 0) throw new Refused(`only ${amount} left`);
    return to === amount ? [] : [{ type: 'purse.Moved', data: { to } }];
  },
};

/** A store whose appends can be disturbed: `before` it is reached, or `after` it has committed. */
class Disturbed implements EventStore {
  before: ((events: readonly NewEvent[]) => Promise<void>) | null = null;
  after: (() => Promise<void>) | null = null;
  appends = 0;

  constructor(private readonly inner: EventStore) {}

  get shared(): boolean {
    return this.inner.shared;
  }

  read(stream: string, from?: bigint): AsyncIterable<Recorded> {
    return this.inner.read(stream, from);
  }

  readAll(...args: Parameters<EventStore['readAll']>): AsyncIterable<Recorded> {
    return this.inner.readAll(...args);
  }

  log(): ReturnType<EventStore['log']> {
    return this.inner.log();
  }

  async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    this.appends++;
    await this.before?.(events);
    const appended = await this.inner.append(stream, expected, events);
    await this.after?.();
    return appended;
  }
}

const amount = ({ state, recorded, replayed }: Outcome<Purse>) => ({
  amount: state.amount,
  changed: recorded !== null,
  replayed,
});

function purse(store: EventStore, options?: TransactOptions) {
  const transactor = new Transactor(store, PURSE, options);
  const run = (
    command: Command | Promise<Command>,
    more: { key?: string; stream?: string; deadline?: number } = {},
  ) => {
    const { key, stream = 'purse', deadline } = more;
    const id = randomUUID();
    const meta = { command: { id, ...(key !== undefined && { key }), fingerprint: JSON.stringify(command) } };
    return transactor.transact({ stream, command, eventId: id, meta, deadline }, amount);
  };
  /** What somebody sees who only looks. */
  const look = () => transactor.look({ stream: 'purse', command: { add: 1 } }, (_, { amount }) => amount);
  return { run, look };
}

async function stored(store: EventStore, stream = 'purse'): Promise<Recorded[]> {
  const events: Recorded[] = [];
  for await (const event of store.read(stream)) events.push(event);
  return events;
}

/** Throws the first so many times. */
function times(count: number, failure: () => Error): () => Promise<void> {
  let left = count;
  return async () => {
    if (left-- > 0) throw failure();
  };
}

describe('a command', () => {
  it('appends what was decided, and answers from the state after it', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    expect(await run({ add: 5 })).toEqual({ amount: 5, changed: true, replayed: false });
    expect(await run({ set: 5 })).toEqual({ amount: 5, changed: false, replayed: false });
    expect((await stored(store)).map(({ data }) => data)).toEqual([{ to: 5 }]);
  });

  it('leaves nothing behind when it is refused', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    await expect(run({ add: -1 })).rejects.toThrow(Refused);
    expect(await stored(store)).toEqual([]);
    expect(await run({ add: 1 })).toMatchObject({ amount: 1 });
  });

  it('is decided on what another process wrote before', async () => {
    const store = new MemoryEventStore();
    await purse(store).run({ add: 7 });
    expect(await purse(store).run({ add: 1 })).toMatchObject({ amount: 8 });
  });

  it('takes its turn: hundreds at once on one stream all land, one after the other', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    await Promise.all(Array.from({ length: 300 }, () => run({ add: 1 })));
    expect((await stored(store)).map(({ data }) => data['to'])).toEqual(
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
  });

  it('is turned away when too many wait for the stream, and only then', async () => {
    const { run } = purse(new MemoryEventStore(), { maxWaiting: 3 });
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => run({ add: 1 })));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(results[3]).toMatchObject({ reason: expect.any(QueueFull) as QueueFull });
    expect(await run({ add: 1 })).toMatchObject({ amount: 4 });
  });

  it('whose time is over while it waits does nothing', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    await expect(run({ add: 1 }, { deadline: performance.now() - 1 })).rejects.toThrow(DeadlinePassed);
    expect(await stored(store)).toEqual([]);
  });

  it('whose append is not answered in time is told that its outcome is not known, and the next one is right', async () => {
    const store = new Disturbed(new MemoryEventStore());
    const { run } = purse(store);
    let answered = () => {};
    store.after = () => new Promise((resolve) => (answered = resolve));
    const since = performance.now();
    await expect(run({ add: 1 }, { deadline: since + 100 })).rejects.toThrow(OutcomeUnknown);
    // The log never answers.
    expect(performance.now() - since).toBeLessThan(20_000);
    store.after = null;
    const next = run({ add: 1 });
    answered();
    expect(await next).toMatchObject({ amount: 2 });
  });

  it('is not appended again once its time is over', async () => {
    const store = new Disturbed(new MemoryEventStore());
    const { run } = purse(store);
    store.before = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      throw new OutcomeUnknown('no answer');
    };
    await expect(run({ add: 1 }, { deadline: performance.now() + 100 })).rejects.toThrow(OutcomeUnknown);
    store.before = null;
    expect(await run({ add: 5 })).toMatchObject({ amount: 5 });
    expect(store.appends).toBe(2);
  });

  it('whose rules come too late records nothing, now or later', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    let came: (command: Command) => void = () => {};
    const command = new Promise<Command>((resolve) => (came = resolve));
    const deadline = performance.now() + 50;
    await expect(run(command, { deadline })).rejects.toThrow(DeadlinePassed);
    came({ add: 1 });
    expect(await run({ add: 7 })).toMatchObject({ amount: 7 });
  });

  it('answers rightly when its state has been forgotten meanwhile', async () => {
    const { run } = purse(new MemoryEventStore(), { maxBytes: 2_500 });
    for (let round = 1; round <= 3; round++)
      for (const stream of ['a', 'b', 'c', 'd'])
        expect(await run({ add: 1 }, { stream })).toMatchObject({ amount: round });
  });
});

describe('the folded states', () => {
  /** Which streams were read from the log, in order. */
  class Counted extends Disturbed {
    readonly folded: string[] = [];

    override read(stream: string, from?: bigint): AsyncIterable<Recorded> {
      if (!from) this.folded.push(stream);
      return super.read(stream, from);
    }
  }

  it('that were used last stay longest, whatever they were used for', async () => {
    const store = new Counted(new MemoryEventStore());
    const { run } = purse(store, { maxBytes: 3_500 });
    for (const stream of ['a', 'b', 'c']) await run({ add: 1 }, { stream });
    await run({ set: 1 }, { stream: 'a' });
    await run({ add: 1 }, { stream: 'd' });
    store.folded.length = 0;
    for (const stream of ['a', 'c', 'd', 'b']) await run({ set: 1 }, { stream });
    expect(store.folded).toEqual(['b']);
  });

  it('of one stream that is larger than all the room are not folded again for every command', async () => {
    const store = new Counted(new MemoryEventStore());
    const { run } = purse(store, { maxBytes: 10 });
    for (let n = 0; n < 5; n++) await run({ add: 1 });
    expect(store.folded).toEqual(['purse']);
  });
});

describe('time', () => {
  it('never goes back within a stream', async () => {
    const store = new MemoryEventStore();
    let now = Date.parse('2026-03-01T12:00:00.000Z');
    const { run } = purse(store, { clock: () => now });
    await run({ add: 1 });
    now -= 30_000;
    await run({ add: 1 });
    expect((await stored(store)).map(({ meta }) => meta['time'])).toEqual([
      '2026-03-01T12:00:00.000Z',
      '2026-03-01T12:00:00.000Z',
    ]);
  });

  it('more than 60 s behind the stream is a fault, and nothing is written', async () => {
    const store = new MemoryEventStore();
    let now = Date.parse('2026-03-01T12:00:00.000Z');
    const { run } = purse(store, { clock: () => now });
    await run({ add: 1 });
    now -= 60_001;
    await expect(run({ add: 1 })).rejects.toThrow(ClockSkew);
    expect(await stored(store)).toHaveLength(1);
    expect(await run({ set: 1 })).toMatchObject({ changed: false });
  });
});

describe('an idempotency key', () => {
  it('that came before answers its event again, with the state as it is now', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    await run({ add: 5 }, { key: 'k' });
    await run({ add: 2 });
    expect(await run({ add: 5 }, { key: 'k' })).toEqual({ amount: 7, changed: true, replayed: true });
    expect(await stored(store)).toHaveLength(2);
  });

  it('is known after a restart', async () => {
    const store = new MemoryEventStore();
    await purse(store).run({ add: 5 }, { key: 'k' });
    expect(await purse(store).run({ add: 5 }, { key: 'k' })).toMatchObject({ amount: 5, replayed: true });
  });

  it('with another command is refused', async () => {
    const { run } = purse(new MemoryEventStore());
    await run({ add: 5 }, { key: 'k' });
    await expect(run({ add: 6 }, { key: 'k' })).rejects.toThrow(IdempotencyKeyReused);
  });

  it('is not used up by a refusal, nor by a command that changed nothing', async () => {
    const { run } = purse(new MemoryEventStore());
    await expect(run({ add: -1 }, { key: 'k' })).rejects.toThrow(Refused);
    expect(await run({ set: 0 }, { key: 'k' })).toMatchObject({ changed: false });
    expect(await run({ add: 3 }, { key: 'k' })).toMatchObject({ amount: 3, changed: true });
  });

  it('is for one stream', async () => {
    const { run } = purse(new MemoryEventStore());
    await run({ add: 5 }, { key: 'k' });
    expect(await run({ add: 6 }, { key: 'k', stream: 'other' })).toMatchObject({
      amount: 6,
      replayed: false,
    });
  });

  it('used at once by many makes one event', async () => {
    const store = new MemoryEventStore();
    const { run } = purse(store);
    const answers = await Promise.all(Array.from({ length: 20 }, () => run({ add: 5 }, { key: 'k' })));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await stored(store)).toHaveLength(1);
  });
});

describe('an append whose outcome is unknown', () => {
  it('is found in the log when it landed', async () => {
    const store = new Disturbed(new MemoryEventStore());
    store.after = times(2, () => new OutcomeUnknown('the answer was lost'));
    const { run } = purse(store);
    expect(await run({ add: 5 })).toEqual({ amount: 5, changed: true, replayed: false });
    expect(await stored(store)).toHaveLength(1);
  });

  it('is appended again when it did not land', async () => {
    const store = new Disturbed(new MemoryEventStore());
    store.before = times(2, () => new OutcomeUnknown('the request was lost'));
    expect(await purse(store).run({ add: 5 })).toMatchObject({ amount: 5, changed: true });
    expect(await stored(store)).toHaveLength(1);
  });

  it('stays unknown when nobody can say, and the state is read anew afterwards', async () => {
    const store = new Disturbed(new MemoryEventStore());
    const { run } = purse(store);
    await run({ add: 1 });
    store.after = times(Infinity, () => new OutcomeUnknown('no answer'));
    await expect(run({ add: 5 })).rejects.toThrow(OutcomeUnknown);
    store.after = null;
    expect(await run({ add: 1 })).toMatchObject({ amount: 7 });
  });

  it('is not called unwritten because the store then closed its doors', async () => {
    const store = new Disturbed(new MemoryEventStore());
    const { run } = purse(store);
    const failures = [
      new OutcomeUnknown('disk'),
      ...Array.from({ length: 9 }, () => new StoreUnavailable('stopped')),
    ];
    store.before = async () => {
      throw failures.shift()!;
    };
    await expect(run({ add: 5 })).rejects.toThrow(OutcomeUnknown);
  });

  it('is decided again when others wrote in its place', async () => {
    const log = new MemoryEventStore({ shared: true });
    const store = new Disturbed(log.handle());
    const other = purse(log.handle());
    const once = times(1, () => new OutcomeUnknown('the request was lost'));
    store.before = async () => {
      await once().catch(async (error: unknown) => {
        await other.run({ add: 100 });
        throw error;
      });
    };
    expect(await purse(store).run({ add: 5 })).toMatchObject({ amount: 105, changed: true });
    expect((await stored(log)).map(({ data }) => data['to'])).toEqual([100, 105]);
  });
});

describe('on a log that others write to', () => {
  function two() {
    const log = new MemoryEventStore({ shared: true });
    return { log, here: purse(log.handle()), there: purse(log.handle()) };
  }

  it('a lost race is read and decided again', async () => {
    const { here, there } = two();
    await here.run({ add: 1 });
    await there.run({ add: 10 });
    expect(await here.run({ add: 1 })).toMatchObject({ amount: 12 });
  });

  it('a stale state neither refuses nor says that it is so already', async () => {
    const { here, there } = two();
    await here.run({ add: 1 });
    await there.run({ add: 10 });
    expect(await here.run({ add: -5 })).toMatchObject({ amount: 6 });
    await there.run({ set: 20 });
    expect(await here.run({ set: 6 })).toMatchObject({ amount: 6, changed: true });
  });

  it('a key that was used elsewhere is known here', async () => {
    const { log, here, there } = two();
    await here.run({ add: 1 });
    await there.run({ add: 10 }, { key: 'k' });
    expect(await here.run({ add: 10 }, { key: 'k' })).toMatchObject({ amount: 11, replayed: true });
    expect(await stored(log)).toHaveLength(2);
  });

  it('a key that was used elsewhere is known here, also where the stale state would have refused', async () => {
    const { log, here, there } = two();
    await here.run({ add: 1 });
    await there.run({ add: 10 });
    await there.run({ add: -5 }, { key: 'k' });
    expect(await here.run({ add: -5 }, { key: 'k' })).toMatchObject({ amount: 6, replayed: true });
    await there.run({ set: 1 }, { key: 'l' });
    await there.run({ add: 1 });
    expect(await here.run({ set: 6 }, { key: 'm' })).toMatchObject({ amount: 6, changed: true });
    expect(await here.run({ set: 1 }, { key: 'l' })).toMatchObject({ changed: true, replayed: true });
    expect(await stored(log)).toHaveLength(6);
  });

  it('races of several replicas all land in the end, each once', async () => {
    const log = new MemoryEventStore({ shared: true });
    const replicas = Array.from({ length: 4 }, () => purse(log.handle()));
    await Promise.all(replicas.flatMap(({ run }) => Array.from({ length: 25 }, () => run({ add: 1 }))));
    expect((await stored(log)).map(({ data }) => data['to'])).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });

  it('gives up as a race lost when it loses for ever', async () => {
    const store = new Disturbed(new MemoryEventStore({ shared: true }));
    store.before = async () => {
      throw new WrongRevision('purse', -1n, 0n);
    };
    await expect(purse(store).run({ add: 1 })).rejects.toThrow(WrongRevision);
    expect(store.appends).toBeGreaterThan(5);
  });
});

it('a long stream folded from cold lets others have their turn', async () => {
  /** One that hands out its events without ever waiting: whoever reads it has to make room for others. */
  class Hasty extends Disturbed {
    override async *read(stream: string): AsyncIterable<Recorded> {
      const meta = { time: '2026-03-01T12:00:00.000Z', command: { id: 'x', fingerprint: 'x' } };
      for (let n = 0; n < 100_000; n++)
        yield {
          id: 'x',
          type: 'purse.Moved',
          data: { to: n },
          meta,
          stream,
          revision: BigInt(n),
          position: BigInt(n),
        };
    }
  }
  const { run } = purse(new Hasty(new MemoryEventStore()));
  let turns = 0;
  const counting = setInterval(() => turns++);
  try {
    expect(await run({ set: 99_999 })).toMatchObject({ amount: 99_999, changed: false });
  } finally {
    clearInterval(counting);
  }
  expect(turns).toBeGreaterThan(1);
});

describe('what a decision depends on besides its stream', () => {
  it('is read while the stream is: a command may come as a promise', async () => {
    const transactor = new Transactor(new MemoryEventStore(), PURSE);
    const id = randomUUID();
    const request = { stream: 'purse', eventId: id, meta: { command: { id, fingerprint: '' } } };
    const command = Promise.resolve<Command>({ add: 3 });
    expect(await transactor.transact({ ...request, command }, amount)).toMatchObject({ amount: 3 });
  });

  it('that cannot be read refuses the command, and leaves nothing behind', async () => {
    const store = new MemoryEventStore();
    const transactor = new Transactor(store, PURSE);
    const id = randomUUID();
    const command = Promise.reject<Command>(new Error('the rules are away'));
    const request = { stream: 'purse', eventId: id, meta: { command: { id, fingerprint: '' } }, command };
    await expect(transactor.transact(request, amount)).rejects.toThrow('away');
    expect(await stored(store)).toEqual([]);
  });

  it('can be an event of its own stream, named by revision', async () => {
    const store = new MemoryEventStore();
    const seen: unknown[] = [];
    const looking: typeof PURSE = {
      ...PURSE,
      looksAt: (_, { facts }) => (facts > 0 ? 0n : undefined),
      decide: (command, state, at) => {
        seen.push(at.lookedAt?.data);
        return PURSE.decide(command, state, at);
      },
    };
    const transactor = new Transactor(store, looking);
    const run = (add: number) => {
      const id = randomUUID();
      const meta = { command: { id, fingerprint: '' } };
      return transactor.transact({ stream: 'purse', eventId: id, meta, command: { add } }, amount);
    };
    await run(4);
    await run(5);
    expect(seen).toEqual([undefined, { to: 4 }]);
  });

  it('is read from the log once, while there is room for it', async () => {
    const store = new MemoryEventStore();
    for (let n = 0n; n < 3n; n++)
      await store.append('s', n - 1n, [{ id: randomUUID(), type: 'x', data: { n: String(n) }, meta: {} }]);
    let reads = 0;
    const read = (stream: string, from?: bigint) => {
      reads++;
      return store.read(stream, from);
    };
    const small = new LookedAt(Object.assign(Object.create(store) as MemoryEventStore, { read }), 1_200);
    const look = async (revision: bigint) => (await small.at('s', revision)).data['n'];
    expect([await look(0n), await look(1n), await look(0n)]).toEqual(['0', '1', '0']);
    expect(reads).toBe(2);
    expect([await look(2n), await look(0n), await look(1n)]).toEqual(['2', '0', '1']);
    expect(reads).toBe(4);
    await expect(small.at('s', 9n)).rejects.toThrow(LogTruncated);
  });

  it('a look decides nothing, and sees what others wrote', async () => {
    const store = new MemoryEventStore({ shared: true });
    const { look } = purse(store);
    expect(await look()).toBe(0);
    await purse(store.handle()).run({ add: 7 });
    expect(await look()).toBe(7);
    expect(await stored(store)).toHaveLength(1);
  });

  it('looks neither wait for commands nor keep them waiting, however many there are', async () => {
    let goOn = () => undefined as void;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const store = new Disturbed(new MemoryEventStore());
    store.before = () => gate;
    const { run, look } = purse(store, { maxWaiting: 2 });
    const first = run({ add: 1 });
    // The command hangs in the log; whoever only looks is answered.
    expect(await Promise.all(Array.from({ length: 50 }, look))).toEqual(Array(50).fill(0));
    const looking = Array.from({ length: 50 }, look);
    const second = run({ add: 1 });
    goOn();
    expect([await first, await second]).toMatchObject([{ amount: 1 }, { amount: 2 }]);
    await Promise.all(looking);
    expect(await look()).toBe(2);
  });
});
