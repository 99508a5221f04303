import type { RoleGrant } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import {
  activating,
  breakingGlass,
  granting,
  issuing,
  publishing,
  reviewing,
  revoking,
  withdrawing,
  type Call,
} from './testing/calls';
import { House, type Reviewers } from './testing/reviewers';
import { AUTHOR, DOORS, LESS, Scene } from './testing/scene';

// Separation of duties, continued: what takes two people besides approving, through keys of one's own making and at the same
// time, over either door.

let house: House;
beforeAll(async () => {
  house = await House.open();
}, 60_000);
afterAll(() => house.close());

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
const READER = { role: 'reader' } as const;
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
  ['a key of theirs that has no more', (_, model) => issuing(`ada-${model}`, [READER]), 'ada', 'ok'],
  [
    'a key of theirs that has what their group has',
    (_, model) => issuing(`ada-${model}`, [ADMIN]),
    'ada',
    'own-grant',
  ],
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

describe.each(DOORS)('over %s', (name, door) => {
  const open = (model: string) => Scene.open(house, door, `${model}-${name.toLowerCase()}`);

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
      await people.grant({ actor: `ada-${model}` }, undefined, READER);
      await people.key('straw', { roles: [ADMIN, AUTHOR], by: ada });
      expect(await scene.call(ask(people, model), as === 'ada' ? ada : people.as('straw'))).toBe(code);
    },
  );

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
    const store = house.edge.running.app.get<EventStore>(EVENT_STORE, { strict: false });
    const types: string[] = [];
    for await (const { type, data } of store.read('access-default'))
      if (JSON.stringify(data).includes(scene.model) || type === ended) types.push(type);
    const since = types.slice(types.lastIndexOf(ended) + 1);
    expect(since).toEqual([]);
  });
});
