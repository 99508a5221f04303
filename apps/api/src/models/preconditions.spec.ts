import { rmSync } from 'node:fs';
import { Edge } from '../testing/edge';
import {
  callerOf,
  byTurns,
  grpcDoor,
  httpDoor,
  type Ask,
  type Door,
  type Told,
  SOME_TEXT,
} from './testing/doors';
import { APPROVE, Lives, REJECT, release, run } from './testing/lives';

let edge: Edge;
let lives: Lives;
const left: string[] = [];
beforeAll(async () => {
  edge = await Edge.open();
  lives = new Lives(edge);
});
afterAll(async () => {
  await edge.close();
  for (const folder of left) rmSync(folder, { recursive: true, force: true });
});

const DOORS: Record<string, (edge: Edge) => Door> = { HTTP: httpDoor, gRPC: grpcDoor };
/** First through one door, again through the other: every pair. */
const PAIRS = Object.keys(DOORS).flatMap((first) =>
  Object.keys(DOORS).map((again) => [first, again] as const),
);
const ask = (door: string, question: Ask) => DOORS[door]!(edge).ask(question);
let models = 0;
const fresh = () => `m${++models}`;

type Keyed = readonly [
  verb: string,
  status: number,
  given: (model: string) => Promise<unknown>,
  ask: Omit<Ask, 'model'>,
];
const KEYED: Keyed[] = [
  [
    'register',
    201,
    () => Promise.resolve(),
    { verb: 'register', body: release(1), actor: 'ci', kind: 'service' },
  ],
  ['evaluate', 201, (m) => lives.register(m, 1), { verb: 'evaluate', version: 1, body: run(0.9) }],
  ['approve', 201, (m) => lives.staged(m, 1), { verb: 'approve', version: 1, body: APPROVE, actor: 'ann' }],
  [
    'promote',
    200,
    async (m) => {
      await lives.staged(m, 1);
      await lives.approve(m, 1);
    },
    { verb: 'promote', version: 1, body: { note: 'go' }, actor: 'bob' },
  ],
  [
    'roll back',
    200,
    (m) => lives.live(m, 2),
    { verb: 'rollBack', body: { from: 2, reason: 'drift' }, actor: 'bob' },
  ],
  [
    'deprecate',
    200,
    (m) => lives.live(m, 3),
    { verb: 'deprecate', version: 1, body: { sunset: '2999-01-01' }, actor: 'bob' },
  ],
];

describe('the same Idempotency-Key', () => {
  describe.each(PAIRS)('first over %s, again over %s', (first, again) => {
    it.each(KEYED)('%s: the first answer again, and no new event', async (_verb, status, given, question) => {
      const model = fresh();
      await given(model);
      const keyed = { ...question, model, key: 'key-1' };
      const told = await ask(first, keyed);
      expect(told).toMatchObject({ code: 'ok', changed: true, status: first === 'HTTP' ? status : 0 });
      expect(told.headers.replayed).toBeUndefined();
      const head = await edge.head();
      const replay = await ask(again, keyed);
      expect(replay.headers).toEqual({ ...told.headers, replayed: 'true' });
      expect(replay.status).toBe(again === 'HTTP' ? status : 0);
      expect(answerOf(replay)).toEqual(answerOf(told));
      if (again === 'HTTP' && status === 201) expect(replay.location).toBe(`/v1/models/${model}/versions/1`);
      expect(await edge.head()).toBe(head);
    });

    it('with another command is refused, and the first is still known', async () => {
      const model = fresh();
      const keyed: Ask = { verb: 'register', model, body: release(1), key: 'key-1' };
      const told = await ask(first, keyed);
      const others: Ask[] = [
        { ...keyed, body: release(1, { changelog: 'Another.' }) },
        { ...keyed, body: release(2) },
        { verb: 'evaluate', model, version: 1, body: run(0.9), key: 'key-1' },
        { verb: 'promote', model, version: 1, body: {}, key: 'key-1' },
      ];
      for (const other of others) expect((await ask(again, other)).code).toBe('idempotency-key-reused');
      expect(answerOf(await ask(again, keyed))).toEqual(answerOf(told));
    });
  });

  it('answers `version` and `live` as they are now, the rest as it was', async () => {
    await lives.staged('now', 1);
    await lives.approve('now', 1);
    const keyed: Ask = {
      verb: 'promote',
      model: 'now',
      version: 1,
      body: {},
      actor: 'bob',
      key: 'k',
      ifMatch: '"0"',
    };
    const told = await ask('HTTP', keyed);
    await lives.rollBack('now', { from: 1, to: 0 });
    for (const door of ['HTTP', 'gRPC']) {
      // What it expects of the pointer is no part of the command, and was judged then.
      const replay = await ask(door, { ...keyed, ifMatch: '"1"' });
      expect(replay).toMatchObject({ code: 'ok', changed: true, position: told.position, event: told.event });
      expect(replay.version).toMatchObject({ version: 1, stage: 'STAGING' });
      expect(replay.live).toMatchObject({ revision: 2, previous: { version: 1 } });
      expect(replay.live).not.toHaveProperty('current');
      expect(replay.headers).toEqual({ position: told.position, etag: '"2"', replayed: 'true' });
    }
  });

  it('is another key for another actor, another model, another tenant', async () => {
    const asked: Ask = { verb: 'register', model: 'scope', body: release(1), actor: 'a', key: 'k' };
    await ask('HTTP', asked);
    for (const [n, other] of [{ actor: 'b' }, { model: 'scope-2' }, { tenant: 'acme' }].entries()) {
      const told = await ask(n % 2 ? 'gRPC' : 'HTTP', { ...asked, body: release(2), ...other });
      expect([told.code, told.changed, told.headers.replayed]).toEqual(['ok', true, undefined]);
    }
  });

  it('compares what was meant, not how it was written', async () => {
    const body = '{ "manifest": {"run":"", "config": {"b":1.0,"a":[]} }, "author":null, "changelog": "x" }';
    await ask('HTTP', { verb: 'register', model: 'meant', body, key: 'k' });
    const told = await ask('gRPC', {
      verb: 'register',
      model: 'meant',
      body: { changelog: 'x', manifest: { config: { a: [], b: 1 } } },
      key: 'k',
    });
    expect(told.headers.replayed).toBe('true');
  });

  it.each(Object.keys(DOORS))('is free again after a refusal (%s)', async (door) => {
    const model = fresh();
    await lives.register(model, 1);
    const refused = await ask(door, { verb: 'promote', model, version: 1, body: {}, key: 'k' });
    expect(refused.code).toBe('gate-not-met');
    const told = await ask(door, { verb: 'evaluate', model, version: 1, body: run(0.9), key: 'k' });
    expect([told.code, told.changed]).toEqual(['ok', true]);
  });

  it.each(Object.keys(DOORS))('is free again where nothing changed (%s)', async (door) => {
    const model = fresh();
    await lives.register(model, 1);
    const same = await ask(door, { verb: 'register', model, body: release(1), key: 'k' });
    expect([same.code, same.changed, same.headers.replayed]).toEqual(['ok', false, undefined]);
    const told = await ask(door, { verb: 'evaluate', model, version: 1, body: run(0.9), key: 'k' });
    expect([told.code, told.changed]).toEqual(['ok', true]);
  });

  it('makes one event of ten requests at once', async () => {
    const both = byTurns(edge);
    const question: Ask = { verb: 'register', model: 'at-once', body: release(1), key: 'k' };
    const told = await Promise.all(Array.from({ length: 10 }, () => both.ask(question)));
    expect(new Set(told.map(({ position }) => position)).size).toBe(1);
    expect(told.filter(({ headers }) => headers.replayed === undefined)).toHaveLength(1);
    expect(told.every(({ code, changed }) => code === 'ok' && changed)).toBe(true);
  });

  it.each(['', 'a b', 'x'.repeat(256), 'é'])('that is none is refused: %j', async (key) => {
    const question: Ask = {
      verb: 'register',
      model: 'no-key',
      body: release(1),
      key: key === 'é' ? '\u00e9' : key,
    };
    expectPointer(await ask('HTTP', question), '/Idempotency-Key');
    // grpc-js refuses what is not ASCII before it is sent.
    if (key !== 'é') expectPointer(await ask('gRPC', question), '/Idempotency-Key');
  });

  it.each(['!', '~', '"quoted"', 'x'.repeat(255)])('may be %s', async (key) => {
    for (const door of Object.keys(DOORS))
      expect((await ask(door, { verb: 'register', model: fresh(), body: release(1), key })).code).toBe('ok');
  });
});

describe('If-Match', () => {
  describe.each(Object.keys(DOORS))('over %s', (door) => {
    const promote = (model: string, version: number, ifMatch: string): Ask => ({
      verb: 'promote',
      model,
      version,
      body: {},
      actor: 'bob',
      ifMatch,
    });
    const rollBack = (model: string, from: number, ifMatch: string): Ask => ({
      verb: 'rollBack',
      model,
      body: { from, reason: 'drift' },
      actor: 'bob',
      ifMatch,
    });
    let model: string;
    beforeAll(async () => {
      model = fresh();
      await lives.live(model, 1);
      await lives.staged(model, 2);
      await lives.approve(model, 2);
    });

    it.each(['"0"', '"2"', '"4294967296"', '"9999999999"'])(
      '%s is not where the pointer is',
      async (ifMatch) => {
        for (const question of [
          promote(model, 2, ifMatch),
          rollBack(model, 1, ifMatch),
          promote(model, 1, ifMatch),
        ]) {
          const told = await ask(door, question);
          expect(told).toMatchObject({ code: 'pointer-moved', status: door === 'HTTP' ? 412 : 10 });
          expect(told.facts!['live']).toMatchObject({ model, revision: 1, current: { version: 1 } });
        }
      },
    );

    it.each([
      '1',
      '"1',
      '1"',
      '"01"',
      '"-1"',
      '"1.0"',
      '"a"',
      '""',
      'W/"1"',
      '"1","1"',
      '"1", "2"',
      "'1'",
      '""1""',
      '"99999999999"',
    ])('%s is none', async (ifMatch) => {
      expectPointer(await ask(door, promote(model, 2, ifMatch)), '/If-Match');
      expectPointer(await ask(door, rollBack(model, 1, ifMatch)), '/If-Match');
    });

    it.each(['"1"', '*', 'x'])('%s is refused where the pointer does not move', async (ifMatch) => {
      const others: Ask[] = [
        { verb: 'register', model, body: release(3) },
        { verb: 'evaluate', model, version: 2, body: run(0.9) },
        { verb: 'approve', model, version: 2, body: REJECT, actor: 'carol' },
        { verb: 'deprecate', model, version: 2, body: { sunset: '2999-01-01' } },
      ];
      for (const question of others) await edge.as(callerOf(question));
      const head = await edge.head();
      for (const question of others) expectPointer(await ask(door, { ...question, ifMatch }), '/If-Match');
      expect(await edge.head()).toBe(head);
    });

    it('that is right lets it move, and the ETag of the answer is right for the next', async () => {
      const told = await ask(door, promote(model, 2, '"1"'));
      expect([told.code, told.headers.etag]).toEqual(['ok', '"2"']);
      const back = await ask(door, rollBack(model, 2, told.headers.etag!));
      expect([back.code, back.headers.etag]).toEqual(['ok', '"3"']);
      // Judged before "it is so already".
      expect((await ask(door, rollBack(model, 2, '"2"'))).code).toBe('pointer-moved');
      expect((await ask(door, rollBack(model, 2, '"3"'))).changed).toBe(false);
      expect((await ask(door, promote(model, 1, '*'))).changed).toBe(false);
    });
  });

  it('lets one of twenty win, whichever door they come through', async () => {
    await lives.live('race', 1);
    for (const n of [2, 3]) {
      await lives.staged('race', n);
      await lives.approve('race', n);
    }
    const both = byTurns(edge);
    const told = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        both.ask({
          verb: 'promote',
          model: 'race',
          version: 2 + ((n >> 1) % 2),
          body: {},
          actor: `p${n}`,
          ifMatch: '"1"',
        }),
      ),
    );
    expect(told.filter(({ code }) => code === 'ok')).toHaveLength(1);
    expect(told.filter(({ code }) => code === 'pointer-moved')).toHaveLength(19);
  });
});

describe('after a restart', () => {
  it('keys are known, states are what they were, and the answers are the same over both doors', async () => {
    await lives.live('again', 2);
    const keyed: Ask = {
      verb: 'rollBack',
      model: 'again',
      body: { from: 2, reason: 'cost', note: 'dear' },
      actor: 'bob',
      key: 'k',
    };
    const promoted: Ask = { verb: 'promote', model: 'again-2', version: 1, body: {}, actor: 'bob', key: 'k' };
    await lives.staged('again-2', 1);
    await lives.approve('again-2', 1);
    const told = [await ask('HTTP', keyed), await ask('gRPC', promoted)];
    await restart();
    for (const [n, question] of [keyed, promoted].entries())
      for (const door of ['gRPC', 'HTTP']) {
        const replay = await ask(door, question);
        expect(replay.headers).toEqual({ ...told[n]!.headers, replayed: 'true' });
        expect(answerOf(replay)).toEqual(answerOf(told[n]!));
        const other = { ...question, body: { ...(question.body as object), note: 'another' } };
        expect((await ask(door, other)).code).toBe('idempotency-key-reused');
      }
    const gone = await ask('HTTP', { ...keyed, key: undefined, ifMatch: '"9"' });
    expect(gone.facts!['live']).toEqual((await edge.http('/v1/models/again/live')).body);
  });
});

/** Another process on the same folder, as far as one process can be another. */
async function restart(): Promise<void> {
  const { folder } = edge;
  edge.registry.close();
  await edge.running.stop(1_000);
  edge = await Edge.open({ data: folder });
  lives = new Lives(edge);
  left.push(folder);
}

/** All that an answer says, whichever door it came through. */
function answerOf({ code, changed, position, version, live, event }: Told) {
  return { code, changed, position, version, live, event };
}

function expectPointer({ code, errors }: Told, pointer: string): void {
  expect([code, errors]).toEqual(['invalid', [{ pointer, message: SOME_TEXT }]]);
}
