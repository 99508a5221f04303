import type { RoleGrant } from '@gatehouse/domain';
import { APPROVE, REJECT } from '../models/testing/lives';
import type { Edge } from '../testing/edge';
import { House } from './testing/reviewers';
import { AUTHOR, DOORS, LESS, publish, Scene } from './testing/scene';

// Separation of duties where things change between two steps: what happens, and what a promotion then comes to, over
// either door. Two of the capacity `risk` and one of any have to approve; version 1 is registered by `ci`, made by `dana`.
// Who may decide, and in which capacity, is what real keys, grants and tokens say.

let house: House;
let edge: Edge;
beforeAll(async () => {
  house = await House.open();
  ({ edge } = house);
  await publish(edge, 'usual', '"*"', USUAL, 1);
}, 60_000);
afterAll(() => house.close());

const USUAL = 'approvals: [{capacity: risk, count: 2}, {count: 1}]';
const MORE = `${USUAL}, soak: PT1H`;
/** Somebody who reviews in the capacity `risk` and makes keys, and a key that they made, with these roles. */
async function straw({ people }: Scene, boss: string, name: string, roles: readonly RoleGrant[]) {
  await people.key(boss, { roles: [people.role('reviewer', 'risk'), AUTHOR, { role: 'admin' }] });
  await people.key(name, { roles: [...roles], by: people.as(boss) });
}

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
    'one of them approved by a key of their own making, too',
    async (scene) => {
      const { people } = scene;
      await people.key('self', { actor: 'ann', roles: [{ role: 'admin' }] });
      await people.key('straw', { roles: [people.role('reviewer', 'risk')], by: people.as('self') });
      return scene.decide('straw');
    },
    'ok',
    'not-approved',
  ),
  [
    'one of them approved by a key of their own making before they did as themselves, and then its holder by a token',
    async (scene) => {
      const { people } = scene;
      await people.key('self', { actor: 'ann', roles: [{ role: 'admin' }] });
      await people.key('straw', { roles: [people.role('reviewer', 'risk')], by: people.as('self') });
      await scene.approve('straw', 'ann', 'max');
      expect((await scene.promote()).code).toBe('not-approved');
      await people.grant({ actor: 'straw' }, 'risk');
      await scene.approve(await house.token('straw'));
    },
    'ok',
  ],
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

const RACES = 5;

describe.each(DOORS)('over %s', (name, door) => {
  const open = (model: string) => Scene.open(house, door, `${model}-${name.toLowerCase()}`);

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
