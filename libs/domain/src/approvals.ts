import type { Context } from './commands';
import { msOf } from './duration';
import type { Counted, Rule } from './events';
import type { ApprovalDemand } from './policy-document';
import { sameHand } from './makers';
import { ownHand } from './refusals';
import { Rejected, type MissingApproval } from './rejections';
import type { Decision, Version } from './state';

/** An approval, who gave it, and the capacities of then that they still hold now. */
type Given = { readonly by: string; readonly decision: Decision; readonly held: readonly string[] };

/** How far the approvals of a version meet what a policy demands. */
export type Tally = {
  /** Those that count, oldest first. */
  readonly counting: readonly Given[];
  /** Which was counted as what; only where the policy names capacities. */
  readonly counted: readonly Counted[];
  readonly rules: readonly Rule[];
  readonly missing: readonly MissingApproval[];
  /** There would be enough, had none been voided or grown too old. */
  readonly wereEnough: boolean;
};

const ANYBODY: readonly ApprovalDemand[] = [{ count: 1 }];

/**
 * Counts: each person once, through keys that they made for others, too, and as one capacity only, so that as many demands as
 * possible are met.
 */
export function tally(version: Version, context: Context): Tally {
  const demands = context.policy.document.production?.approvals ?? ANYBODY;
  const given = givenTo(version, context);
  const standing = rejectors(version);
  const current = given.filter(({ decision }) => decision.void === null && !isTooOld(decision, context));
  const valid = distinct(current, context);
  const counted = assign(demands, valid);
  const rejections: Rule = {
    rule: 'standing rejections <= 0',
    required: 0,
    observed: standing.length,
    verdict: standing.length === 0 ? 'pass' : 'fail',
  };
  return {
    counting: valid,
    counted: demands.some(({ capacity }) => capacity !== undefined) ? asCounted(demands, counted) : [],
    rules: [...demands.map((demand, i) => demandRule(demand, counted[i]!, demands, valid)), rejections],
    missing: [
      ...standing.map((by) => ({ needed: 'the rejection to be lifted', by })),
      ...demands.flatMap((demand, i) => missingOf(demand, counted[i]!)),
    ],
    wereEnough: standing.length === 0 && isMet(demands, assign(demands, distinct(given, context))),
  };
}

/** Throws what is missing, or whose rejection stands. */
export function requireApprovals(version: Version, { missing, wereEnough }: Tally): void {
  if (missing.length === 0) return;
  const rejected = missing.flatMap(({ by }) => (by === undefined ? [] : [by]));
  if (rejected.length > 0)
    throw new Rejected(
      'not-approved',
      `Version ${version.version} stands rejected by ${rejected.join(', ')}; they have to approve it, or a new evaluation has to come.`,
      { missing: missing.filter(({ by }) => by !== undefined) },
    );
  if (wereEnough)
    throw new Rejected(
      'approval-void',
      `Version ${version.version} was approved, but not as it is now; a reviewer has to look again.`,
      { missing },
    );
  const needed = missing.map((one) => one.needed).join(' and ');
  throw new Rejected('not-approved', `Version ${version.version} still needs ${needed}.`, { missing });
}

/**
 * Whether an approval is young enough, and was given as everything that its reviewer is now, with a key that is no more of
 * somebody else's making: to give it again adds nothing.
 */
export function countsAsMuch(earlier: Decision, context: Context): boolean {
  const { capacities, groups = [], makers = [], makersOf = () => [] } = context;
  return (
    !isTooOld(earlier, context) &&
    (earlier.key === null || makersOf(earlier.key).every((one) => makers.includes(one))) &&
    capacities.every((one) => earlier.capacities.includes(one)) &&
    groups.every((one) => earlier.groups?.includes(one))
  );
}

function rejectors(version: Version): string[] {
  return [...version.decisions].flatMap(([by, { decision, void: gone }]) =>
    decision === 'reject' && gone === null ? [by] : [],
  );
}

/** Every approval there was of who may still decide, oldest first, with the capacities of then that are still held now. */
function givenTo(version: Version, { holds, mayDecide = () => true, makersOf }: Context): Given[] {
  // With whose key it was given was looked at when it was.
  const isOwn = (by: string) => ownHand(version, { actor: { id: by, kind: 'user' }, makersOf }) !== null;
  return [...version.decisions]
    .filter(([by, { decision, groups }]) => decision === 'approve' && !isOwn(by) && mayDecide(by, groups))
    .sort(([, a], [, b]) => Number(a.revision - b.revision))
    .map(([by, decision]) => ({
      by,
      decision,
      held: decision.capacities.filter((capacity) => holds(by, capacity, decision.groups)),
    }));
}

/** Of approvals that came from one hand the oldest. */
function distinct(given: readonly Given[], { makersOf = () => [] }: Context): Given[] {
  const kept: Given[] = [];
  for (const one of given) {
    const { by, decision } = one;
    const makers = decision.key === null ? [] : makersOf(decision.key);
    const acting = { actor: { id: by, kind: 'user' }, makers, makersOf } as const;
    const isAnothers = kept.some((other) => sameHand({ by: other.by, key: other.decision.key }, acting));
    if (!isAnothers) kept.push(one);
  }
  return kept;
}

function isTooOld({ at }: Decision, { policy, now }: Context): boolean {
  const validFor = policy.document.production?.approvalsValidFor;
  return validFor !== undefined && Date.parse(now) - Date.parse(at) > msOf(validFor);
}

/** Who is counted for each demand: a largest matching of people and places (augmenting paths). */
function assign(demands: readonly ApprovalDemand[], given: readonly Given[]): Given[][] {
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
  for (const one of given) seat(one, new Set());
  return demands.map((_, i) =>
    places.flatMap((demand, place) => (demand === i && takenBy.has(place) ? [takenBy.get(place)!] : [])),
  );
}

function isMet(demands: readonly ApprovalDemand[], counted: readonly Given[][]): boolean {
  return demands.every(({ count }, i) => counted[i]!.length >= count);
}

function asCounted(demands: readonly ApprovalDemand[], counted: readonly Given[][]): Counted[] {
  return demands.flatMap(({ capacity }, i) =>
    counted[i]!.map(({ by, decision, held }) => ({
      approval: String(decision.revision),
      by,
      ...(capacity !== undefined && { capacity }),
      ...(held.length > 0 && { held }),
    })),
  );
}

function demandRule(
  { capacity, count }: ApprovalDemand,
  counted: readonly Given[],
  demands: readonly ApprovalDemand[],
  valid: readonly Given[],
): Rule {
  // Where anybody will do, all of them are told.
  const observed = capacity === undefined && demands.length === 1 ? valid.length : counted.length;
  const rule = capacity === undefined ? `approvals >= ${count}` : `approvals of ${capacity} >= ${count}`;
  return { rule, required: count, observed, verdict: observed >= count ? 'pass' : 'fail' };
}

function missingOf({ capacity, count }: ApprovalDemand, counted: readonly Given[]): MissingApproval[] {
  const lacking = count - counted.length;
  if (lacking <= 0) return [];
  const needed = `${lacking} approval${lacking === 1 ? '' : 's'} by a reviewer`;
  if (capacity === undefined) return [{ needed }];
  return [{ needed: `${needed} with capacity ${capacity}`, count: lacking, capacity }];
}
