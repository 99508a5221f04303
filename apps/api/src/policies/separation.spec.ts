import { Capacities } from '../models/capacities';
import { grpcDoor, httpDoor, type Ask, type Door } from '../models/testing/doors';
import { APPROVE, Lives, REJECT, run } from '../models/testing/lives';
import { Edge } from '../testing/edge';

// Separation of duties where things change between two steps: what happens, and what a promotion then comes to, over
// either door. Two of the capacity `risk` and one of any have to approve; version 1 is registered by `ci`, made by `dana`.

let edge: Edge;
let lives: Lives;
/** Who holds what now; who is not here may not decide. */
const held = new Map<string, string[]>();

beforeAll(async () => {
  edge = await Edge.open();
  lives = new Lives(edge);
  edge.running.app.get(Capacities, { strict: false }).held = ({ actor }) =>
    Promise.resolve({
      capacities: held.get(actor?.id ?? '') ?? [],
      holds: (id, capacity) => held.get(id)?.includes(capacity) ?? false,
      mayDecide: (id) => held.has(id),
    });
});
afterAll(() => edge.close());
beforeEach(() => {
  held.clear();
  for (const id of ['ann', 'zoe', 'ci', 'dana']) held.set(id, ['risk']);
  for (const id of ['max', 'bob']) held.set(id, []);
});

type Act = (model: string, ask: (question: Omit<Ask, 'model'>) => Promise<string>) => Promise<unknown>;

const approve = (actor: string, body = APPROVE): Omit<Ask, 'model'> => ({
  verb: 'approve',
  version: 1,
  body,
  actor,
});
const all: Act = async (_, ask) => {
  for (const actor of ['ann', 'zoe', 'max']) expect(await ask(approve(actor))).toBe('ok');
};
const then =
  (...acts: Act[]): Act =>
  async (model, ask) => {
    for (const act of acts) await act(model, ask);
  };

const USUAL = 'approvals: [{capacity: risk, count: 2}, {count: 1}]';
const LESS = 'approvals: [{count: 1}]';
const MORE = `${USUAL}, soak: PT1H`;
async function publish(model: string, production: string, n: number): Promise<void> {
  const document = `policy: ${model}\nmodels: [${model}]\nproduction: {${production}}`;
  const as = (actor: string) => ({ 'gatehouse-actor': actor });
  const published = await edge.rpc('PublishPolicy', { document }, as('pat'));
  expect(published.message).toMatchObject({ changed: true, policy: { version: n } });
  expect((await edge.rpc('ActivatePolicy', { policy: model, version: n }, as('pia'))).code).toBe(0);
}

const ROWS: readonly (readonly [what: string, act: Act, outcome: string])[] = [
  ['everybody approved who has to', all, 'ok'],
  [
    'the registrar is one of them',
    async (_, ask) => {
      for (const actor of ['ann', 'max']) await ask(approve(actor));
      expect(await ask(approve('ci'))).toBe('own-approval');
    },
    'not-approved',
  ],
  [
    'who made it is one of them',
    async (_, ask) => {
      for (const actor of ['ann', 'max']) await ask(approve(actor));
      expect(await ask(approve('dana'))).toBe('own-approval');
    },
    'not-approved',
  ],
  [
    'a service is one of them',
    async (_, ask) => {
      for (const actor of ['ann', 'max']) await ask(approve(actor));
      expect(await ask({ ...approve('zoe'), kind: 'service' })).toBe('role-missing');
    },
    'not-approved',
  ],
  ['one of them may no longer decide', then(all, async () => void held.delete('max')), 'not-approved'],
  ['one of them lost the capacity', then(all, async () => void held.set('zoe', [])), 'not-approved'],
  [
    'one of them got the capacity after deciding',
    async (_, ask) => {
      held.set('zoe', []);
      await all('', ask);
      held.set('zoe', ['risk']);
    },
    'not-approved',
  ],
  [
    'one of them lost the capacity, and has it again',
    then(all, async () => {
      held.set('zoe', []);
      held.set('zoe', ['risk']);
    }),
    'ok',
  ],
  [
    'the same reviewer approved twice',
    async (_, ask) => {
      for (const actor of ['ann', 'ann', 'max']) expect(await ask(approve(actor))).toBe('ok');
    },
    'not-approved',
  ],
  [
    'who promotes approved as well: nothing forbids it but a policy',
    async (_, ask) => {
      for (const actor of ['ann', 'zoe', 'bob']) await ask(approve(actor));
    },
    'ok',
  ],
  [
    'one of them approved another digest',
    async (_, ask) => {
      for (const actor of ['ann', 'zoe']) await ask(approve(actor));
      const other = { ...APPROVE, digest: `sha256:${'0'.repeat(64)}` };
      expect(await ask(approve('max', other))).toBe('digest-differs');
    },
    'not-approved',
  ],
  [
    'it was evaluated again',
    then(all, async (model) => lives.evaluate(model, 1, run(0.95))),
    'approval-void',
  ],
  [
    'one of them thought better of it',
    then(all, async (_, ask) => ask(approve('max', REJECT))),
    'not-approved',
  ],
  [
    'a policy that asks for less is in force meanwhile',
    async (model, ask) => {
      await ask(approve('max'));
      await publish(model, LESS, 2);
    },
    'ok',
  ],
  [
    'a policy that asks for more is in force meanwhile',
    then(all, (model) => publish(model, MORE, 2)),
    'gate-not-met',
  ],
];

const RACES = 5;

const DOORS: readonly (readonly [string, (edge: Edge) => Door])[] = [
  ['HTTP', httpDoor],
  ['gRPC', grpcDoor],
];

describe.each(DOORS)('over %s', (name, doorOf) => {
  it('a promotion that races an activation is judged by the one policy or the other, and says by which', async () => {
    const door = doorOf(edge);
    for (let i = 0; i < RACES; i++) {
      const model = `race-${name.toLowerCase()}-${i}`;
      await publish(model, LESS, 1);
      await lives.staged(model, 1, { author: 'dana' });
      await lives.approve(model, 1, 'max');
      const promote: Ask = { verb: 'promote', model, version: 1, body: {}, actor: 'bob' };
      // The activation comes sooner or later within the promotion's way.
      const [told] = await Promise.all([door.ask(promote), publish(model, MORE, 2)]);
      if (told.code !== 'ok') {
        expect(told.code).toBe('gate-not-met');
        expect((await door.ask(promote)).code).toBe('gate-not-met');
        continue;
      }
      const { evidence } = told.event!['data'] as { evidence: { policy: object } };
      expect(evidence.policy).toMatchObject({ name: model, version: 1 });
    }
  });

  it('the same reviewer at the same time through many calls counts once', async () => {
    const door = doorOf(edge);
    const model = `twice-${name.toLowerCase()}`;
    await publish(model, 'approvals: [{count: 2}]', 1);
    await lives.staged(model, 1, { author: 'dana' });
    const asked = await Promise.all(Array.from({ length: 8 }, () => door.ask({ ...approve('ann'), model })));
    expect(asked.filter(({ changed }) => changed)).toHaveLength(1);
    const told = await door.ask({ verb: 'promote', model, version: 1, body: {}, actor: 'bob' });
    expect([told.code, told.facts?.['missing']]).toEqual([
      'not-approved',
      [{ needed: '1 approval by a reviewer' }],
    ]);
  });

  it.each(ROWS.map((row, i) => [...row, i] as const))('%s', async (_what, act, outcome, i) => {
    const model = `separate-${name.toLowerCase()}-${i}`;
    const door = doorOf(edge);
    await publish(model, USUAL, 1);
    await lives.staged(model, 1, { author: 'dana' });
    await act(model, async (question) => (await door.ask({ ...question, model })).code);
    const before = await edge.head();
    const told = await door.ask({ verb: 'promote', model, version: 1, body: {}, actor: 'bob' });
    expect(told.code).toBe(outcome);
    if (outcome === 'ok') {
      const { evidence } = told.event!['data'] as {
        evidence: { policy: { name: string; revision: string } };
      };
      expect(evidence.policy).toMatchObject({ name: model, revision: expect.any(String) as string });
    } else expect(await edge.head()).toBe(before);
  });
});
