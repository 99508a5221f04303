import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, uuidV5 } from '@gatehouse/canonical';
import {
  decide,
  decode,
  evolve,
  modelStream,
  noModel,
  Rejected,
  type Fact,
  type ModelState,
} from '@gatehouse/domain';
import {
  follow,
  OutcomeUnknown,
  Transactor,
  type Appended,
  type Decider,
  type EventStore,
  type NewEvent,
  type Outcome,
  type Recorded,
} from '@gatehouse/eventsourcing';
import { collect, MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { Views } from '@gatehouse/projections';
import { liveOf } from '../apps/api/src/models/answer';
import { runs, steps, type Step } from '../libs/domain/src/testing/arbitrary';
import { POLICY } from '../libs/domain/src/testing/scenario';
import { dump } from '../libs/projections/src/testing/harness';

// The laws of the log and of the views (I1, I2, I3, I5), over the real transact: every sequence is a model of its own
// in one log, whose answers get lost now and then. The laws of the decider (I4, I7) are in libs/domain.

const MODEL: Decider<ModelState, Fact, Step> = {
  initial: noModel,
  decode,
  evolve,
  bytes: ({ bytes }) => bytes,
  decide: ({ actor, command }, state, at) =>
    decide(command, state, {
      ...at,
      actor,
      model: 'm',
      policy: POLICY,
      capacities: [],
      holds: () => false,
      digest: digestOf,
    }),
};

/** A log that now and then loses a request before it is written, or the answer after. */
class Lossy extends MemoryEventStore {
  private appends = 0;
  lost = 0;

  override async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    const n = ++this.appends;
    if (n % 997 === 0) return this.lose();
    const appended = await super.append(stream, expected, events);
    return n % 991 === 0 ? this.lose() : appended;
  }

  private lose(): never {
    this.lost++;
    throw new OutcomeUnknown('lost on the way');
  }
}

type Acknowledged = { readonly id: string; readonly position: bigint };

/** Plays a sequence on a model; answers what was acknowledged, and the ids of what was refused. */
async function play(transactor: Transactor<ModelState, Fact, Step>, model: string, sequence: Step[]) {
  const acknowledged: Acknowledged[] = [];
  const without: string[] = [];
  let state = noModel();
  for (const [n, { actor, command }] of sequence.entries()) {
    const eventId = uuidV5(`${model}/${n}`);
    const meta = {
      tenant: 'acme',
      model,
      actor,
      auth: { method: 'header' },
      command: { id: eventId, key: `${model}/${n}`, fingerprint: digestOf(command) },
      correlation: model,
      schema: 1,
    };
    const request = {
      stream: modelStream('acme', model),
      command: { actor, command },
      eventId,
      meta,
    };
    const take = (outcome: Outcome<ModelState>) => {
      state = outcome.state;
      return outcome;
    };
    try {
      const { recorded, position } = await transactor.transact(request, take);
      if (recorded) acknowledged.push({ id: recorded.id, position });
      else without.push(eventId);
      // A retry with the same key makes no second event.
      if (n % 7 === 0)
        await transactor.transact({ ...request, eventId: uuidV5(`${model}/${n}/again`) }, take);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      without.push(eventId);
    }
  }
  return { model, acknowledged, without, state };
}

async function catchUp(store: EventStore, views: Views, batch: number): Promise<void> {
  const stop = new AbortController();
  const following = follow(store, views, { signal: stop.signal, batch });
  expect(await following.reached((await store.log()).head, 120_000)).toBe(true);
  stop.abort();
  await following.done;
}

const RUNS = runs(5_000);
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-laws-'));
afterAll(() => rmSync(folder, { recursive: true }));

const store = new Lossy();
const incremental = Views.open(join(folder, 'incremental.db'));
let played: Awaited<ReturnType<typeof play>>[] = [];
let log: Recorded[] = [];

beforeAll(async () => {
  const transactor = new Transactor(store, MODEL, { maxBytes: 4 * 1024 * 1024 });
  const sequences = fc.sample(steps, RUNS);
  // The views follow in bits, while more is written.
  for (let from = 0; from < sequences.length; from += 500) {
    const some = sequences.slice(from, from + 500);
    played = played.concat(
      await Promise.all(some.map((sequence, i) => play(transactor, `m${from + i}`, sequence))),
    );
    await catchUp(store, incremental, 37);
  }
  log = await collect(store.readAll(0n, { follow: false, signal: new AbortController().signal }));
}, 600_000);

it('the log lost requests and answers, or the laws prove little', () => {
  expect(store.lost).toBeGreaterThan(10);
  expect(log.length).toBeGreaterThan(RUNS.numRuns);
});

it('I1: an acknowledged command’s event is in the log exactly once, where the answer said', () => {
  const positions = new Map<string, bigint[]>();
  for (const { id, position } of log) positions.set(id, [...(positions.get(id) ?? []), position]);
  const wrong = played.flatMap(({ acknowledged }) =>
    acknowledged.filter(
      ({ id, position }) => positions.get(id)?.length !== 1 || positions.get(id)![0] !== position,
    ),
  );
  expect(wrong).toEqual([]);
});

it('I2: a command that was refused or changed nothing left no event', () => {
  const ids = new Set(log.map(({ id }) => id));
  expect(played.flatMap(({ without }) => without.filter((id) => ids.has(id)))).toEqual([]);
  const acknowledged = played.reduce((sum, model) => sum + model.acknowledged.length, 0);
  expect(ids.size).toBe(acknowledged);
});

it('I3: revisions are dense from 0, and positions strictly increase', () => {
  const next = new Map<string, bigint>();
  let last = 0n;
  const wrong = log.filter(({ stream, revision, position }) => {
    const expected = next.get(stream) ?? 0n;
    next.set(stream, revision + 1n);
    const right = revision === expected && position > last;
    last = position;
    return !right;
  });
  expect(wrong).toEqual([]);
});

it('I4: the live view of every model is what the deciding state says', () => {
  const wrong = played.filter(({ model, acknowledged, state }) => {
    if (acknowledged.length === 0) return incremental.live.find('acme', model) !== null;
    return JSON.stringify(incremental.live.find('acme', model)) !== JSON.stringify(liveOf(model, state));
  });
  expect(wrong.map(({ model }) => model)).toEqual([]);
});

it('I5: the views rebuilt from zero equal the views kept incrementally, byte for byte', async () => {
  const rebuilt = Views.open(join(folder, 'rebuilt.db'));
  await catchUp(store, rebuilt, 5_000);
  await rebuilt.close();
  await incremental.close();
  expect(dump(join(folder, 'rebuilt.db'))).toEqual(dump(join(folder, 'incremental.db')));
}, 120_000);
