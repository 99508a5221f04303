import type { Context } from './commands';
import { msOf } from './duration';
import type { Counted, Rule } from './events';
import type { ApprovalDemand } from './policy-document';
import { sameHand } from './makers';
import { ownHand } from './refusals';
import { Rejected, type MissingApproval } from './rejections';
import { assign, countable, type Given, type Linked } from './seating';
import type { Decision, Version } from './state';

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
 * Counts: each person once and as one capacity only, of two who are linked through a key one, so that as many places as
 * possible are taken.
 */
export function tally(version: Version, context: Context): Tally {
  const demands = context.policy.document.production?.approvals ?? ANYBODY;
  const given = givenTo(version, context);
  const standing = rejectors(version);
  const current = given.filter(({ decision }) => decision.void === null && !isTooOld(decision, context));
  const linked = linkedBy(context);
  const valid = countable(demands, current, linked);
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
    wereEnough: standing.length === 0 && isMet(demands, assign(demands, countable(demands, given, linked))),
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

/** Whether two approvals came from one hand: one of the two made the key that the other came with. */
function linkedBy({ makersOf = () => [] }: Context): Linked {
  return (a, { by, decision: { key } }) => {
    const makers = key === null ? [] : makersOf(key);
    const acting = { actor: { id: by, kind: 'user' }, makers, makersOf } as const;
    return sameHand({ by: a.by, key: a.decision.key }, acting) !== null;
  };
}

function isTooOld({ at }: Decision, { policy, now }: Context): boolean {
  const validFor = policy.document.production?.approvalsValidFor;
  return validFor !== undefined && Date.parse(now) - Date.parse(at) > msOf(validFor);
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
