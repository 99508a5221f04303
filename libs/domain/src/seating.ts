import type { Decision } from './state';
import type { ApprovalDemand } from './policy-document';

/** An approval, who gave it, and the capacities of then that they still hold now. */
export type Given = { readonly by: string; readonly decision: Decision; readonly held: readonly string[] };

/** Whether two approvals came from one hand: only one of them can count. */
export type Linked = (a: Given, b: Given) => boolean;

/** Seatings tried for one version: more than approvals that people link by chance ever need. */
const MOST_TRIED = 250;

/**
 * Those approvals that count, oldest first: no two of them linked, so that as many places as possible are taken, the
 * earlier ones where it makes no difference. One more approval at the end never takes a place away. To find the most can
 * take for ever where links are made up for that; after 250 seatings the best so far stays.
 */
export function countable(
  demands: readonly ApprovalDemand[],
  given: readonly Given[],
  linked: Linked,
): Given[] {
  const links = linksOf(given, linked);
  if (links.size === 0) return [...given];
  const isLinked = (a: Given, b: Given) => links.get(a)?.has(b) ?? false;
  const places = demands.reduce((sum, { count }) => sum + count, 0);
  let left = MOST_TRIED;

  /** As many as asked for, unlinked, out of these. */
  const find = (some: readonly Given[], asked: number): Given[] | null => {
    if (some.length < asked || left-- <= 0) return null;
    const seated = assign(demands, some).flat();
    if (seated.length < asked) return null;
    const [one, ties] = mostLinked(seated, isLinked);
    if (ties === 0) return seated;
    return (
      find(
        some.filter((other) => other !== one),
        asked,
      ) ??
      find(
        some.filter((other) => !isLinked(one, other)),
        asked,
      )
    );
  };

  let chosen: Given[] = [];
  for (const [n, one] of given.entries()) {
    if (chosen.length === places) break;
    // More than before there are only with the one that came.
    const before = given.slice(0, n).filter((other) => !isLinked(one, other));
    chosen = find([...before, one], chosen.length + 1) ?? chosen;
  }
  for (const one of given)
    if (!chosen.includes(one) && !chosen.some((other) => isLinked(one, other))) chosen.push(one);
  return given.filter((one) => chosen.includes(one));
}

/** Who is counted for each demand: a largest matching of people and places (augmenting paths). */
export function assign(demands: readonly ApprovalDemand[], given: readonly Given[]): Given[][] {
  const places = demands.flatMap((demand, i) => Array.from({ length: demand.count }, () => i));
  const takenBy = new Map<number, Given>();
  const suits = (place: number, { held }: Given): boolean => {
    const { capacity } = demands[places[place]!]!;
    return capacity === undefined || held.includes(capacity);
  };
  const seat = (one: Given, tried: Set<number>): boolean =>
    places.some((_, place) => {
      if (tried.has(place) || !suits(place, one)) return false;
      tried.add(place);
      const holder = takenBy.get(place);
      if (holder && !seat(holder, tried)) return false;
      takenBy.set(place, one);
      return true;
    });
  for (const one of given) {
    if (takenBy.size === places.length) break;
    seat(one, new Set());
  }
  return demands.map((_, i) =>
    places.flatMap((demand, place) => (demand === i && takenBy.has(place) ? [takenBy.get(place)!] : [])),
  );
}

function linksOf(given: readonly Given[], linked: Linked): Map<Given, Set<Given>> {
  const links = new Map<Given, Set<Given>>();
  const link = (a: Given, b: Given) => links.set(a, (links.get(a) ?? new Set()).add(b));
  for (const [n, a] of given.entries())
    for (const b of given.slice(n + 1))
      if (linked(a, b)) {
        link(a, b);
        link(b, a);
      }
  return links;
}

/** Who is linked to the most of the others, and to how many. */
function mostLinked(seated: readonly Given[], isLinked: Linked): [Given, number] {
  const counted = seated.map((one): [Given, number] => [
    one,
    seated.filter((other) => isLinked(one, other)).length,
  ]);
  return counted.reduce((most, one) => (one[1] > most[1] ? one : most));
}
