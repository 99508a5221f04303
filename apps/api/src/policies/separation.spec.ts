import { grpcDoor, httpDoor, type Ask, type Door, type Told } from '../models/testing/doors';
import { APPROVE, REJECT, release, run } from '../models/testing/lives';
import type { RoleGrant } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import type { Edge } from '../testing/edge';
import {
  activating,
  granting,
  issuing,
  breakingGlass,
  overGrpc,
  overHttp,
  publishing,
  reviewing,
  revoking,
  withdrawing,
  type Call,
  type Caller,
} from './testing/calls';
import { House, Reviewers } from './testing/reviewers';

// Separation of duties where things change between two steps: what happens, and what a promotion then comes to, over
// either door. Two of the capacity `risk` and one of any have to approve; version 1 is registered by `ci`, made by `dana`.
// Who may decide, and in which capacity, is what real keys, grants and tokens say.

let house: House;
let edge: Edge;
beforeAll(async () => {
  house = await House.open();
  ({ edge } = house);
  await publish('usual', '"*"', USUAL, 1);
}, 60_000);
afterAll(() => house.close());

/** A model whose version 1 is in STAGING, and the people around it. */
class Scene {
  readonly people: Reviewers;
  /** The policy in force, and its version. */
  policy = { name: 'usual', version: 1 };
  /** The version that this is about. */
  version = 1;

  private constructor(
    private readonly door: Door,
    readonly call: Caller,
    readonly model: string,
  ) {
    this.people = new Reviewers(house, model);
  }

  static async open(door: Door, call: Caller, model: string): Promise<Scene> {
    const scene = new Scene(door, call, model);
    await scene.hire();
    await scene.must({ verb: 'register', body: release(1, { author: 'dana' }) });
    await scene.evaluate(0.9);
    return scene;
  }

  /** Puts another policy in force, for this model alone. */
  async govern(production: string, more = ''): Promise<void> {
    const { model, policy } = this;
    const next = { name: model, version: policy.name === model ? policy.version + 1 : 1 };
    await publish(model, model, production, next.version, more);
    this.policy = next;
  }

  /** Everybody's own key; `ann`, `zoe`, `ci` and `dana` review in the capacity `risk`, `max` in none. */
  private async hire(): Promise<void> {
    const { people } = this;
    const roles = [people.role('registrar'), people.role('evaluator'), { role: 'admin' as const }];
    await people.key('registrar', { actor: 'ci', kind: 'service', roles });
    for (const name of ['ann', 'zoe', 'max', 'ci', 'dana']) await people.key(name);
    for (const name of ['ann', 'zoe', 'ci', 'dana']) await this.give(name);
  }

  /** Another version, registered with the key that is known by this name; it is about that one from now on. */
  async again(name: string): Promise<void> {
    this.version = 2;
    const authorization = this.people.as(name);
    expect((await this.ask({ verb: 'register', body: release(2), authorization })).code).toBe('ok');
    await this.evaluate(0.9);
  }

  give(name: string): Promise<void> {
    return this.people.grant(this.people.holder(name), 'risk');
  }

  take(name: string): Promise<void> {
    return this.people.withdraw(this.people.holder(name));
  }

  /** Decides with a key that is known by this name, or with whatever credential is given; answers `ok` or the code. */
  async decide(by: string, body: object = APPROVE): Promise<string> {
    const authorization = by.startsWith('Bearer ') ? by : this.people.as(by);
    return (await this.ask({ verb: 'approve', version: this.version, body: { ...body }, authorization }))
      .code;
  }

  /** All of these approve, and may. */
  async approve(...names: string[]): Promise<void> {
    for (const name of names) expect(await this.decide(name)).toBe('ok');
  }

  evaluate(f1: number): Promise<void> {
    return this.must({ verb: 'evaluate', version: this.version, body: run(f1) });
  }

  promote(): Promise<Told> {
    return this.ask({ verb: 'promote', version: this.version, body: {}, actor: 'bob' });
  }

  ask(question: Omit<Ask, 'model'>): Promise<Told> {
    return this.door.ask({ ...question, model: this.model });
  }

  private async must(question: Omit<Ask, 'model'>): Promise<void> {
    const { code, detail } = await this.ask({ ...question, authorization: this.people.as('registrar') });
    if (code !== 'ok') throw new Error(`${question.verb}: ${code} ${detail}`);
  }
}

const USUAL = 'approvals: [{capacity: risk, count: 2}, {count: 1}]';
const LESS = 'approvals: [{count: 1}]';
const MORE = `${USUAL}, soak: PT1H`;
/** Publishes a version of a policy and puts it in force. */
async function publish(
  policy: string,
  models: string,
  production: string,
  version: number,
  more = '',
): Promise<void> {
  const document = `policy: ${policy}\nmodels: [${models}]\nproduction: {${production}}\n${more}`;
  const as = (actor: string) => ({ 'gatehouse-actor': actor });
  const published = await edge.rpc('PublishPolicy', { document }, as('pat'));
  expect(published.message).toMatchObject({ changed: true, policy: { version } });
  expect((await edge.rpc('ActivatePolicy', { policy, version }, as('pia'))).code).toBe(0);
}

/** Somebody who reviews in the capacity `risk` and makes keys, and a key that they made, with these roles. */
async function straw({ people }: Scene, boss: string, name: string, roles: readonly RoleGrant[]) {
  await people.key(boss, { roles: [people.role('reviewer', 'risk'), AUTHOR, { role: 'admin' }] });
  await people.key(name, { roles: [...roles], by: people.as(boss) });
}
const AUTHOR: RoleGrant = { role: 'policy-author' };

type Row = readonly [what: string, act: (scene: Scene) => Promise<unknown>, outcome: string];

/** Where everybody approved who has to, and then something changes. */
const approved = (what: string, change: (scene: Scene) => Promise<unknown>, outcome: string): Row => [
  what,
  async (scene) => {
    await scene.approve('ann', 'zoe', 'max');
    await change(scene);
  },
  outcome,
];

/** Where somebody else's approval stands in for that of `zoe`, and is answered with a code. */
const instead = (
  what: string,
  act: (scene: Scene) => Promise<string>,
  code: string,
  outcome: string,
): Row => [
  what,
  async (scene) => {
    await scene.approve('ann', 'max');
    expect(await act(scene)).toBe(code);
  },
  outcome,
];

const WHO: readonly Row[] = [
  ['everybody approved who has to', (scene) => scene.approve('ann', 'zoe', 'max'), 'ok'],
  instead('the registrar is one of them', (scene) => scene.decide('ci'), 'own-approval', 'not-approved'),
  instead('who made it is one of them', (scene) => scene.decide('dana'), 'own-approval', 'not-approved'),
  instead(
    'the registrar is one of them, by a token',
    async (scene) => {
      await scene.people.grant({ actor: 'ci' }, 'risk');
      return scene.decide(await house.token('ci'));
    },
    'own-approval',
    'not-approved',
  ),
  instead(
    'one of them comes with a key that the registrar issued',
    async (scene) => {
      const { people } = scene;
      await people.key('straw', { roles: [people.role('reviewer', 'risk')], by: people.as('registrar') });
      return scene.decide('straw');
    },
    'own-approval',
    'not-approved',
  ),
  instead(
    'one of them comes with a key that a key of the registrar issued',
    async (scene) => {
      const { people } = scene;
      await people.key('middle', { roles: [{ role: 'admin' }], by: people.as('registrar') });
      await people.key('straw', { roles: [people.role('reviewer', 'risk')], by: people.as('middle') });
      return scene.decide('straw');
    },
    'own-approval',
    'not-approved',
  ),
  instead(
    'one of them, who has a key of their own, comes with one that the registrar issued',
    async (scene) => {
      const { people } = scene;
      await people.key('other', { actor: 'zoe', by: people.as('registrar') });
      return scene.decide('other');
    },
    'own-approval',
    'not-approved',
  ),
  [
    'one of them made the key that it was registered with',
    async (scene) => {
      await straw(scene, 'boss', 'tool', [scene.people.role('registrar')]);
      await scene.again('tool');
      await scene.approve('ann', 'max');
      expect(await scene.decide('boss')).toBe('own-approval');
    },
    'not-approved',
  ],
  [
    'one of them made the key that made the key that it was registered with, and comes by a token',
    async (scene) => {
      const { people } = scene;
      await straw(scene, 'boss', 'middle', [{ role: 'admin' }]);
      await people.key('tool', { roles: [people.role('registrar')], by: people.as('middle') });
      await people.grant({ actor: 'boss' }, 'risk');
      await scene.again('tool');
      await scene.approve('ann', 'max');
      expect(await scene.decide(await house.token('boss'))).toBe('own-approval');
    },
    'not-approved',
  ],
  [
    'one of them has a key of the admin who made the key of the registrar: an admin makes all of them',
    async (scene) => {
      const { people } = scene;
      await people.key('tool', { roles: [people.role('registrar')] });
      await scene.again('tool');
      await scene.approve('ann', 'zoe', 'max');
    },
    'ok',
  ],
  instead(
    'a service is one of them',
    async (scene) => {
      const { people } = scene;
      await people.key('robot', { kind: 'service', roles: [people.role('reviewer', 'risk')] });
      return scene.decide('robot');
    },
    'role-missing',
    'not-approved',
  ),
  instead(
    'one of them reviews other models only',
    async (scene) => {
      const roles = [{ ...scene.people.role('reviewer', 'risk'), models: 'else-*' }];
      await scene.people.key('elsewhere', { roles });
      return scene.decide('elsewhere');
    },
    'role-missing',
    'not-approved',
  ),
  instead('the same reviewer approved twice', (scene) => scene.decide('ann'), 'ok', 'not-approved'),
  instead(
    'the same person approved by two keys',
    async (scene) => {
      const { people } = scene;
      await people.key('second', { actor: 'ann', roles: [people.role('reviewer', 'risk')] });
      return scene.decide('second');
    },
    'ok',
    'not-approved',
  ),
  instead(
    'the same person approved by a key and by a token',
    async (scene) => {
      await scene.people.grant({ actor: 'ann' }, 'risk');
      return scene.decide(await house.token('ann'));
    },
    'ok',
    'not-approved',
  ),
  instead(
    'another person approved by a token',
    async (scene) => {
      await scene.people.grant({ actor: 'olga' }, 'risk');
      return scene.decide(await house.token('olga'));
    },
    'ok',
    'ok',
  ),
  instead(
    'another person approved by a token, as one of a group',
    async (scene) => {
      const group = `officers of ${scene.model}`;
      await scene.people.grant({ group }, 'risk');
      return scene.decide(await house.token('olga', [group]));
    },
    'ok',
    'ok',
  ),
  [
    'who promotes approved as well: nothing forbids it but a policy',
    async (scene) => {
      await scene.people.key('bob');
      await scene.approve('ann', 'zoe', 'bob');
    },
    'ok',
  ],
];

const CHANGED: readonly Row[] = [
  approved('the key of one of them was revoked', ({ people }) => people.revoke('max'), 'not-approved'),
  approved(
    'the key of one of them was revoked, and they have another',
    async ({ people }) => {
      await people.key('another', { actor: 'max' });
      await people.revoke('max');
    },
    'ok',
  ),
  approved(
    'the key of one of them was revoked, and they are a reviewer as a person',
    async ({ people }) => {
      await people.grant({ actor: 'max' });
      await people.revoke('max');
    },
    'ok',
  ),
  approved(
    'the key of one of them was revoked, and they approved again by a token',
    async (scene) => {
      const group = `reviewers of ${scene.model}`;
      await scene.people.grant({ group });
      await scene.people.revoke('max');
      await scene.approve(await house.token('max', [group]));
    },
    'ok',
  ),
  approved('one of them lost the capacity', (scene) => scene.take('zoe'), 'not-approved'),
  approved(
    'one of them lost the capacity, and has it again',
    async (scene) => {
      await scene.take('zoe');
      await scene.give('zoe');
    },
    'ok',
  ),
  approved(
    'one of them lost the capacity, and somebody else got it',
    async (scene) => {
      await scene.take('zoe');
      await scene.give('max');
    },
    'not-approved',
  ),
  [
    'one of them got the capacity after deciding',
    async (scene) => {
      await scene.take('zoe');
      await scene.approve('ann', 'zoe', 'max');
      await scene.give('zoe');
    },
    'not-approved',
  ],
  [
    'one of them got the capacity after deciding, and decided again with it',
    async (scene) => {
      await scene.take('zoe');
      await scene.approve('ann', 'zoe', 'max');
      await scene.give('zoe');
      await scene.approve('zoe');
    },
    'ok',
  ],
  [
    'the group of one of them lost the role',
    async (scene) => {
      const group = `reviewers of ${scene.model}`;
      await scene.people.grant({ group });
      await scene.approve('ann', 'zoe', await house.token('olga', [group]));
      await scene.people.withdraw({ group });
    },
    'not-approved',
  ],
  instead(
    'one of them approved another digest',
    (scene) => scene.decide('zoe', { ...APPROVE, digest: `sha256:${'0'.repeat(64)}` }),
    'digest-differs',
    'not-approved',
  ),
  approved('it was evaluated again', (scene) => scene.evaluate(0.95), 'approval-void'),
  approved('one of them thought better of it', (scene) => scene.decide('max', REJECT), 'not-approved'),
  [
    'a policy that asks for less is in force meanwhile',
    async (scene) => {
      await scene.approve('max');
      await scene.govern(LESS);
    },
    'ok',
  ],
  approved(
    'a policy that asks for more is in force meanwhile',
    (scene) => scene.govern(MORE),
    'gate-not-met',
  ),
];

/** Who does the second of two things that take two people, and what that comes to; `boss` made the key of `tool`. */
type Second = readonly [what: string, first: string, second: string, code: string];
const SECONDS: readonly Second[] = [
  ['the same person', 'boss', 'boss', 'own-approval'],
  ['who made the key of the first', 'tool', 'boss', 'own-approval'],
  ['who came with a key that the first made', 'boss', 'tool', 'own-approval'],
  ['who made the key that made the key of the first', 'far', 'boss', 'own-approval'],
  ['who came with a key that a key of the first made', 'boss', 'far', 'own-approval'],
  ['who came with another key of the same maker', 'tool', 'twin', 'ok'],
];

/** `tool`, `middle` and `twin` have keys that `boss` made, and `far` one that `middle` made. */
async function family(scene: Scene, roles: readonly RoleGrant[]): Promise<void> {
  const { people } = scene;
  const all = [...roles, { role: 'admin' as const }];
  await people.key('boss', { roles: all });
  for (const name of ['tool', 'twin', 'middle'])
    await people.key(name, { roles: all, by: people.as('boss') });
  await people.key('far', { roles: all, by: people.as('middle') });
}

/** An admin who asks for a role, as themselves or through `straw`, a key of another's that they made, and whose it would be. */
type SelfGrant = readonly [
  what: string,
  ask: (people: Reviewers, model: string) => Call,
  as: 'ada' | 'straw',
  code: string,
];
const ADMIN = { role: 'admin' } as const;
const SELF_GRANTS: readonly SelfGrant[] = [
  ['themselves', (_, model) => granting({ actor: `ada-${model}` }, AUTHOR), 'ada', 'own-grant'],
  [
    'themselves, what they have',
    (_, model) => granting({ actor: `ada-${model}` }, ADMIN),
    'ada',
    'own-grant',
  ],
  ['their key', (people) => granting({ key: people.id('ada') }, AUTHOR), 'ada', 'own-grant'],
  ['a group of theirs', (_, model) => granting({ group: `of-${model}` }, AUTHOR), 'ada', 'own-grant'],
  [
    'a group of theirs, what it has',
    (_, model) => granting({ group: `of-${model}` }, ADMIN),
    'ada',
    'own-grant',
  ],
  ['themselves, by a key', (_, model) => issuing(`ada-${model}`, [AUTHOR]), 'ada', 'own-grant'],
  ['a key of theirs that has no more', (_, model) => issuing(`ada-${model}`, [ADMIN]), 'ada', 'ok'],
  ['who made the key', (_, model) => granting({ actor: `ada-${model}` }, AUTHOR), 'straw', 'own-grant'],
  [
    'who made the key, what they have',
    (_, model) => granting({ actor: `ada-${model}` }, ADMIN),
    'straw',
    'own-grant',
  ],
  [
    'the key of who made the key',
    (people) => granting({ key: people.id('ada') }, AUTHOR),
    'straw',
    'own-grant',
  ],
  ['who made the key, by a key', (_, model) => issuing(`ada-${model}`, [AUTHOR]), 'straw', 'own-grant'],
  ['somebody else', (_, model) => granting({ actor: `else-${model}` }, AUTHOR), 'straw', 'ok'],
];

const RACES = 5;

const DOORS: readonly (readonly [string, (edge: Edge) => Door, (edge: Edge) => Caller])[] = [
  ['HTTP', httpDoor, overHttp],
  ['gRPC', grpcDoor, overGrpc],
];

describe.each(DOORS)('over %s', (name, doorOf, calling) => {
  const open = (model: string) => Scene.open(doorOf(edge), calling(edge), `${model}-${name.toLowerCase()}`);

  it.each(SECONDS.map((row, i) => [...row, i] as const))(
    'a policy that takes four eyes is put in force by %s',
    async (_what, author, activator, code, i) => {
      const scene = await open(`eyes-${i}`);
      const { model, people } = scene;
      await family(scene, [AUTHOR]);
      const document = { policy: model, models: [model], fourEyes: true };
      expect(await scene.call(publishing(document), people.as(author))).toBe('ok');
      expect(await scene.call(activating(model, 1), people.as(activator))).toBe(code);
    },
  );

  it.each(SECONDS.map((row, i) => [...row, i] as const))(
    'a break-glass is reviewed by %s',
    async (_what, breaker, reviewer, code, i) => {
      const scene = await open(`glass-${i}`);
      const { model, people } = scene;
      await family(scene, [people.role('releaser', 'pager'), people.role('reviewer')]);
      await scene.govern(LESS, 'breakGlass: {capacity: pager, reviewWithin: PT1H}');
      expect(await scene.call(breakingGlass(model), people.as(breaker))).toBe('ok');
      expect(await scene.call(reviewing(model), people.as(reviewer))).toBe(code);
    },
  );

  it.each(SELF_GRANTS.map((row, i) => [...row, i] as const))(
    'an admin gives a role to %s',
    async (_what, ask, as, code, i) => {
      const scene = await open(`self-${i}`);
      const { people, model } = scene;
      const group = `of-${model}`;
      const ada = await house.token(`ada-${model}`, [group]);
      await people.key('ada', { actor: `ada-${model}`, roles: [ADMIN] });
      await people.grant({ group }, undefined, ADMIN);
      await people.key('straw', { roles: [ADMIN, AUTHOR], by: ada });
      expect(await scene.call(ask(people, model), as === 'ada' ? ada : people.as('straw'))).toBe(code);
    },
  );

  it('a promotion that races an activation is judged by the one policy or the other, and says by which', async () => {
    for (let i = 0; i < RACES; i++) {
      const scene = await open(`race-${i}`);
      await scene.govern(LESS);
      await scene.approve('max');
      // The activation comes sooner or later within the promotion's way.
      const [told] = await Promise.all([scene.promote(), scene.govern(MORE)]);
      if (told.code !== 'ok') {
        expect(told.code).toBe('gate-not-met');
        expect((await scene.promote()).code).toBe('gate-not-met');
        continue;
      }
      const { evidence } = told.event!['data'] as { evidence: { policy: object } };
      expect(evidence.policy).toMatchObject({ name: scene.model, version: 1 });
    }
  });

  it.each([
    ['a revocation', (scene: Scene) => scene.people.revoke('zoe')],
    ['a withdrawal', (scene: Scene) => scene.take('zoe')],
  ])('a promotion that races %s was before it, or is refused from then on', async (what, change) => {
    for (let i = 0; i < RACES; i++) {
      const scene = await open(`${what.replace(' ', '-')}-${i}`);
      await scene.approve('ann', 'zoe', 'max');
      const [{ code }] = await Promise.all([scene.promote(), change(scene)]);
      expect(['ok', 'not-approved']).toContain(code);
      if (code !== 'ok') expect((await scene.promote()).code).toBe(code);
    }
  });

  it.each<[string, (scene: Scene) => Promise<readonly [end: Call, as: string]>, string]>([
    [
      'a key',
      async ({ people }) => {
        await people.key('thief', { roles: [{ role: 'admin' }] });
        return [revoking(people.id('thief')), people.as('thief')];
      },
      'access.KeyRevoked',
    ],
    [
      'a person',
      async ({ people, model }) => {
        const thief = { actor: `thief-of-${model}` };
        await people.grant(thief, undefined, { role: 'admin' });
        return [withdrawing(people.grantTo(thief)), await house.token(thief.actor)];
      },
      'access.Withdrawn',
    ],
  ])('%s that loses its rights gives none from then on, however early it asked', async (who, hire, ended) => {
    const scene = await open(`behind-${who.replace(' ', '-')}`);
    const [end, thief] = await hire(scene);
    const asks = (n: number) => [
      issuing(`${scene.model}-${n}`, [{ role: 'reader' }]),
      granting({ actor: `${scene.model}-${n}` }, { role: 'reader' }),
    ];
    const ask = (from: number) =>
      Array.from({ length: 10 }, (_, n) => asks(from + n))
        .flat()
        .map((call) => scene.call(call, thief));
    // They wait for each other: the guard has let all of them in when the first is decided.
    const [told, over] = await Promise.all([
      Promise.all([...ask(0), ...ask(10)]),
      scene.call(end, house.admin),
      Promise.all(ask(20)),
    ]);
    expect(over).toBe('ok');
    expect(['ok', 'role-missing', 'credential-invalid']).toEqual(expect.arrayContaining([...new Set(told)]));
    const store = edge.running.app.get<EventStore>(EVENT_STORE, { strict: false });
    const types: string[] = [];
    for await (const { type, data } of store.read('access-default'))
      if (JSON.stringify(data).includes(scene.model) || type === ended) types.push(type);
    const since = types.slice(types.lastIndexOf(ended) + 1);
    expect(since).toEqual([]);
  });

  it('the same reviewer at the same time through many calls counts once', async () => {
    const scene = await open('twice');
    await scene.govern('approvals: [{count: 2}]');
    const authorization = scene.people.as('ann');
    const asked = await Promise.all(
      Array.from({ length: 8 }, () =>
        scene.ask({ verb: 'approve', version: 1, body: APPROVE, authorization }),
      ),
    );
    expect(asked.filter(({ changed }) => changed)).toHaveLength(1);
    const told = await scene.promote();
    expect([told.code, told.facts?.['missing']]).toEqual([
      'not-approved',
      [{ needed: '1 approval by a reviewer' }],
    ]);
  });

  it('a promotion says whose approval counted as what, and what of it they held then and hold still', async () => {
    const scene = await open('said');
    await scene.approve('ann', 'zoe', 'max');
    const { evidence } = (await scene.promote()).event!['data'] as { evidence: { counted: object[] } };
    expect(evidence.counted).toHaveLength(3);
    expect(evidence.counted).toEqual(
      expect.arrayContaining([
        { approval: '2', by: 'ann', capacity: 'risk', held: ['risk'] },
        { approval: '3', by: 'zoe', capacity: 'risk', held: ['risk'] },
        { approval: '4', by: 'max' },
      ]),
    );
  });

  it.each([...WHO, ...CHANGED].map((row, i) => [...row, i] as const))(
    '%s',
    async (_what, act, outcome, i) => {
      const scene = await open(`separate-${i}`);
      await act(scene);
      const before = await edge.head();
      const told = await scene.promote();
      expect(told.code).toBe(outcome);
      if (outcome === 'ok') {
        const { evidence } = told.event!['data'] as { evidence: { policy: object } };
        expect(evidence.policy).toMatchObject({ ...scene.policy, revision: expect.any(String) as string });
      } else expect(await edge.head()).toBe(before);
    },
  );
});
