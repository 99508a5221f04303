import fc from 'fast-check';

import type { ApprovalDemand } from './policy-document';
import { assign, countable, type Given, type Linked } from './seating';
import type { Decision } from './state';
import { runs } from './testing/arbitrary';

type Case = { readonly demands: ApprovalDemand[]; readonly given: Given[]; readonly linked: Linked };

const approval = (n: number, held: readonly string[] = []): Given => ({
  by: `r${n}`,
  held,
  decision: {} as Decision,
});
const pairs = (links: readonly (readonly [number, number])[]): Linked => {
  const known = new Set(links.flatMap(([a, b]) => [`r${a} r${b}`, `r${b} r${a}`]));
  return (a, b) => known.has(`${a.by} ${b.by}`);
};
const placesTaken = ({ demands, linked }: Case, given: readonly Given[]): number =>
  assign(demands, countable(demands, given, linked)).flat().length;

const cases: fc.Arbitrary<Case> = fc
  .record({
    demands: fc.uniqueArray(
      fc.record({
        capacity: fc.constantFrom('lead', 'risk', undefined),
        count: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, selector: ({ capacity }) => capacity },
    ),
    held: fc.array(fc.subarray(['lead', 'risk']), { maxLength: 8 }),
    links: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 10 }),
  })
  .map(({ demands, held, links }) => ({
    demands: demands.map(({ capacity, count }) => ({ count, ...(capacity && { capacity }) })),
    given: held.map((capacities, n) => approval(n, capacities)),
    linked: pairs(links.filter(([a, b]) => a !== b)),
  }));

/** The most places that any of the sets without a link takes. */
function most({ demands, given, linked }: Case): number {
  const sets = Array.from({ length: 2 ** given.length }, (_, bits) =>
    given.filter((_, n) => (bits >> n) & 1),
  );
  const apart = sets.filter((set) => !set.some((a, n) => set.slice(n + 1).some((b) => linked(a, b))));
  return Math.max(...apart.map((set) => assign(demands, set).flat().length));
}

it('of linked approvals never two count, and as many places are taken as can be', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const counted = countable(one.demands, one.given, one.linked);
      for (const [n, a] of counted.entries())
        for (const b of counted.slice(n + 1)) expect(one.linked(a, b)).toBe(false);
      expect(one.given.filter((given) => counted.includes(given))).toEqual(counted);
      expect(assign(one.demands, counted).flat()).toHaveLength(most(one));
    }),
    runs(1_000),
  );
});

it('one more approval never takes a place away: what was met stays met', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const taken = one.given.map((_, n) => placesTaken(one, one.given.slice(0, n + 1)));
      expect(taken).toEqual([...taken].sort((a, b) => a - b));
    }),
    runs(1_000),
  );
});

describe('a hundred approvals that are linked all over', () => {
  const random = (
    (state) => () =>
      (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  )(7);
  const every = Array.from({ length: 100 }, (_, n) => n);
  const among = (share: number): [number, number][] =>
    every.flatMap((a) =>
      every.slice(a + 1).flatMap((b): [number, number][] => (random() < share ? [[a, b]] : [])),
    );
  const capacities = every.slice(0, 10).map((n) => `c${n}`);

  it.each([
    ['a few', 0.02],
    ['some', 0.1],
    ['many', 0.5],
    ['all', 1],
  ])('are counted in time, and no fewer for one more: %s', (_, share) => {
    const one: Case = {
      demands: capacities.map((capacity) => ({ capacity, count: 10 })),
      given: every.map((n) =>
        approval(
          n,
          capacities.filter(() => random() < 0.7),
        ),
      ),
      linked: pairs(among(share)),
    };
    const before = process.cpuUsage();
    const all = placesTaken(one, one.given);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(1_000);
    expect(placesTaken(one, one.given.slice(0, 99))).toBeLessThanOrEqual(all);
  });
});
