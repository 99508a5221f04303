import { benchOf } from './against-live';
import type { Context, Promote } from './commands';
import type { PolicyRef, Rule } from './events';
import { registrationRules, tableRules } from './gates';
import { promote } from './promote';
import { assess, gateOf, registrationVariables } from './promotion';
import { existing } from './refusals';
import { Rejected, type MissingApproval, type RejectionCode } from './rejections';
import { isLive, type ModelState } from './state';

/** How a version stands with the policy in force, rule by rule; nothing was decided. */
export type Gates = {
  readonly policy: PolicyRef;
  readonly register: readonly Rule[];
  readonly staging: readonly Rule[];
  readonly production: readonly Rule[];
  readonly approvals: readonly Rule[];
  readonly missing: readonly MissingApproval[];
};

/** What a promotion would come to. `code`: what it would be refused with; `null` where it would go through, or is so already. */
export type Trial = Gates & {
  readonly allowed: boolean;
  readonly changes: boolean;
  readonly code: RejectionCode | null;
  readonly detail: string | null;
};

/** Every rule of both gates, judged now. Throws where there is no such version. */
export function explain(state: ModelState, number: number, context: Context): Gates {
  const version = existing(state, number);
  const bench = benchOf(state, version, context);
  const judged = assess(version, bench.live, context);
  const { policy, model, now, registration } = context;
  const { label, author } = version;
  const about = registrationVariables(version, model, now, registration);
  const registered = registration && {
    ...registration,
    ...(label !== null && { label }),
    ...(author !== null && { author }),
  };
  return {
    policy: policy.ref,
    register: registrationRules(policy, registered, about),
    staging: tableRules(version, bench),
    production: gateOf(version, judged),
    approvals: judged.approvals.rules,
    missing: judged.approvals.missing,
  };
}

/** The same, and what `decide` would make of the promotion. */
export function tryPromotion(state: ModelState, data: Promote, context: Context): Trial {
  return { ...explain(state, data.version, context), ...outcomeOf(state, data, context) };
}

/** Why a promotion of the past would have been refused, judged on the state before it; null: it would not. */
export function wouldRefuse(state: ModelState, data: Promote, context: Context): Trial | null {
  const version = state.versions[data.version - 1];
  if (!version || isLive(state, version)) return null;
  // Most of them went right: only of the others every rule is told.
  const outcome = outcomeOf(state, data, context);
  return outcome.allowed ? null : { ...explain(state, data.version, context), ...outcome };
}

function outcomeOf(
  state: ModelState,
  data: Promote,
  context: Context,
): Pick<Trial, 'allowed' | 'changes' | 'code' | 'detail'> {
  try {
    const event = promote(data, state, context);
    return { allowed: true, changes: event !== null, code: null, detail: null };
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return { allowed: false, changes: false, code: error.code, detail: error.message };
  }
}
