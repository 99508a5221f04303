import { digestOf, uuidV5 } from '@gatehouse/canonical';
import { decide, decode, evolve, modelStream, noModel, type Actor, type Command } from '@gatehouse/domain';
import type { EventStore, NewEvent, Recorded } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BUILT_IN_POLICY, policyOf, readPolicy } from '@gatehouse/policy';
import { backtest, type BacktestLine } from './backtest';

const MODELS = 100;
const PROMOTIONS = 100;
const CI: Actor = { id: 'ci', kind: 'service' };
const ANN: Actor = { id: 'ann', kind: 'user' };
/** Nobody came with a key. */
const makersOf = () => [];

/** Models that went live time after time, each a little worse than the one before at every tenth. */
async function past(): Promise<MemoryEventStore> {
  const store = new MemoryEventStore();
  for (let m = 0; m < MODELS; m++) await store.append(modelStream('acme', `m-${m}`), -1n, history(`m-${m}`));
  return store;
}

function history(model: string): NewEvent[] {
  const events: NewEvent[] = [];
  const state = noModel();
  const say = (actor: Actor, command: Command) => {
    const id = uuidV5(`${model} ${events.length}`);
    const now = new Date(Date.parse('2026-01-01T00:00:00Z') + events.length * 3_600_000).toISOString();
    const context = { now, eventId: id, actor, model, policy: BUILT_IN_POLICY, digest: digestOf };
    const [event] = decide(command, state, { ...context, capacities: [], holds: () => false });
    const meta = {
      id,
      time: now,
      tenant: 'acme',
      model,
      actor,
      auth: { method: 'header' },
      correlation: id,
      schema: 1,
    };
    const made = { id, ...event!, meta: { ...meta, command: { id, fingerprint: '' } } };
    const revision = BigInt(events.length);
    events.push(made);
    evolve(state, decode({ ...made, revision, position: revision }));
  };
  for (let n = 1; n <= PROMOTIONS; n++) {
    const manifest = { config: { n }, code: { revision: String(n) } };
    const f1 = n % 10 === 0 ? 0.85 : 0.95;
    say(CI, { verb: 'register', data: { digest: digestOf(manifest), changelog: 'x', manifest } });
    const evaluation = {
      suite: 's',
      dataset: { name: 'd' },
      metrics: { f1 },
      thresholds: { f1: { min: 0.8 } },
    };
    say(CI, { verb: 'evaluate', data: { version: n, ...evaluation } });
    say(ANN, { verb: 'approve', data: { version: n, decision: 'approve' } });
    say(ANN, { verb: 'promote', data: { version: n } });
  }
  return events;
}

const TEN_RULES = readPolicy(
  JSON.stringify({
    policy: 'ten-rules',
    models: ['m-*'],
    register: { rules: [{ name: 'coded', expr: 'has(manifest.code.revision)' }] },
    production: {
      rules: Array.from({ length: 9 }, (_, i) => ({
        name: `rule ${i}`,
        expr: `deltas.all(d, d.delta > -0.0${i + 1}) && evaluations.size() > 0`,
      })),
    },
  }),
);

async function* named(): AsyncGenerator<string, void> {
  for (let m = 0; m < MODELS; m++) yield `m-${m}`;
}

it('goes over 10,000 promotions in seconds, tells how far it is, and lets others have their turn', async () => {
  const store = await past();
  const { document, digest } = TEN_RULES;
  const policy = policyOf({ name: document.policy, version: 0, digest }, document);
  const { signal } = new AbortController();
  let turns = 0;
  const turning = setInterval(() => turns++, 0);
  const start = process.cpuUsage();
  const seen: BacktestLine[] = [];
  for await (const line of backtest({ store, tenant: 'acme', models: named(), policy, makersOf, signal }))
    seen.push(line);
  const { user, system } = process.cpuUsage(start);
  clearInterval(turning);
  const refused = seen.filter(({ type }) => type === 'refused');
  // Every tenth is 0.1 worse than what is live.
  expect(refused).toHaveLength((MODELS * PROMOTIONS) / 10);
  expect(refused[0]).toMatchObject({ model: 'm-0', version: 10, code: 'gate-not-met' });
  const counts = { models: MODELS, promotions: MODELS * PROMOTIONS, refused: refused.length };
  expect(seen.at(-1)).toEqual({ type: 'done', ...counts, events: 4 * MODELS * PROMOTIONS });
  expect(seen.some(({ type }) => type === 'progress')).toBe(true);
  expect((user + system) / 1e6).toBeLessThan(10);
  expect(turns).toBeGreaterThan(20);
}, 120_000);

it('ends when nobody listens any more', async () => {
  const store = await past();
  const left = new AbortController();
  const lines = backtest({
    store,
    tenant: 'acme',
    models: named(),
    policy: BUILT_IN_POLICY,
    makersOf,
    signal: left.signal,
  });
  left.abort();
  expect(await lines.next()).toEqual({ done: true, value: undefined });
});

/** The same past, with manifests that are large, and nobody's until they are read. */
function large(store: MemoryEventStore, characters: number): EventStore {
  async function* read(stream: string, from?: bigint): AsyncGenerator<Recorded, void> {
    for await (const recorded of store.read(stream, from)) {
      const { data, type } = recorded;
      if (type !== 'model.Registered') yield recorded;
      else yield { ...recorded, data: { ...data, manifest: { ...(data['manifest'] as object), prompt: { text: Buffer.alloc(characters, 'x').toString('latin1') } } } }; // prettier-ignore
    }
  }
  return Object.assign(Object.create(store) as MemoryEventStore, { read });
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function inUse(): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('keeps of manifests only those that were registered last', async () => {
  const { document, digest } = TEN_RULES;
  const policy = policyOf({ name: document.policy, version: 0, digest }, document);
  const { signal } = new AbortController();
  // 100 versions of one model, 1 MB each.
  const store = large(await past(), 1_000_000);
  async function* one(): AsyncGenerator<string, void> {
    yield 'm-0';
  }
  const before = inUse();
  let most = 0;
  let refused = 0;
  for await (const line of backtest({ store, tenant: 'acme', models: one(), policy, makersOf, signal })) {
    if (line.type !== 'refused') continue;
    refused++;
    most = Math.max(most, inUse() - before);
  }
  expect(refused).toBe(PROMOTIONS / 10);
  expect(most).toBeLessThan(30e6);
}, 60_000);
