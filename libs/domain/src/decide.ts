import { benchOf, liveOnSuite } from './against-live';
import { countsAsMuch } from './approvals';
import type { Approve, Command, Context, Deprecate, Evaluate, Register, RollBack } from './commands';
import { daysOf } from './duration';
import type { Decided, ModelEvent, Rule } from './events';
import { allPass, deltasAgainst } from './gate';
import {
  asksRegistration,
  declaredRules,
  evaluationsRule,
  policyBounds,
  registrationRules,
  suiteRules,
  tableRules,
} from './gates';
import { liveVersion, rollbackTarget } from './pointer';
import { promote } from './promote';
import { registrationVariables, requireGate } from './promotion';
import {
  existing,
  expectPointer,
  LIMITS,
  named,
  pointerMoved,
  refuseDeprecated,
  refuseOther,
  refuseOwn,
  refuseTarget,
  refuseTooMany,
} from './refusals';
import { Rejected } from './rejections';
import { review } from './review';
import { isLive, type Decision, type ModelState, type Version } from './state';

/**
 * What a command makes of a model: one event; none if it is so already; or `Rejected`, with the first refusal in
 * the order of judgement of the domain page: reason, model, versions, expected pointer, already so, `from`,
 * deprecated, who may, stage, digest and label, rollback target, notice, gate, approvals.
 */
export function decide(command: Command, state: ModelState, context: Context): readonly ModelEvent[] {
  const event = decideOne(command, state, context);
  return event ? [event] : [];
}

function decideOne(command: Command, state: ModelState, context: Context): ModelEvent | null {
  switch (command.verb) {
    case 'register':
      return register(command.data, state, context);
    case 'evaluate':
      return evaluate(command.data, state, context);
    case 'approve':
      return approve(command.data, state, context);
    case 'promote':
      return promote(command.data, state, context);
    case 'rollBack':
      return rollBack(command.data, state);
    case 'deprecate':
      return deprecate(command.data, state, context);
    case 'review':
      return review(command.data, state, context);
  }
}

function register(data: Register, state: ModelState, context: Context): ModelEvent | null {
  if (data.changelog.trim() === '')
    throw new Rejected('changelog-missing', 'Say in `changelog` what changed and why.');
  if (data.manifest.parent !== undefined) named(state, data.manifest.parent);
  if (state.byDigest.has(data.digest)) return null;
  const holder = data.label === undefined ? undefined : state.byLabel.get(data.label);
  if (holder)
    throw new Rejected(
      'label-taken',
      `Label ${data.label} is version ${holder.version} with another digest; choose another label.`,
    );
  const version = state.versions.length + 1;
  const judged = judgeRegistration(version, data, context);
  return { type: 'model.Registered', data: { version, ...data, ...judged } };
}

/** What the policy asks of a registration, if anything; throws where it is not met. */
function judgeRegistration(version: number, data: Register, context: Context) {
  const { policy, actor, model, now } = context;
  if (!asksRegistration(policy.document.register)) return undefined;
  const about = registrationVariables({ ...data, version, registrar: actor.id }, model, now, data);
  const rules = registrationRules(policy, data, about);
  requireGate(rules);
  return { rules, policy: policy.ref };
}

function evaluate(data: Evaluate, state: ModelState, context: Context): ModelEvent {
  const version = existing(state, data.version);
  refuseDeprecated(version);
  refuseTooMany(version, data);
  const live = liveOnSuite(state, version, data.suite);
  const deltas = 'why' in live ? {} : deltasAgainst(data.metrics, live.metrics);
  const bench = benchOf(state, version, context);
  const laid = { ...data, at: context.now };
  const rules = [
    ...declaredRules(context.policy, data.suite, laid, live),
    ...policyBounds([[data.suite, laid]], bench),
  ].map(withoutSuite);
  const passed = allPass(rules);
  const others = [...version.table].filter(([suite]) => suite !== data.suite);
  const table = [...others, [data.suite, laid] as const];
  const met =
    passed &&
    others.every(([, evaluation]) => evaluation.passed) &&
    allPass([...evaluationsRule(table.length, context.policy), ...suiteRules(table, bench)]);
  return {
    type: 'model.Evaluated',
    data: {
      version: version.version,
      digest: version.digest,
      evaluated: evaluatedDigest(
        [...others.map(([suite, { id }]): [string, string] => [suite, id]), [data.suite, context.eventId]],
        context,
      ),
      suite: data.suite,
      dataset: data.dataset,
      metrics: data.metrics,
      thresholds: data.thresholds,
      ...(data.report && { report: data.report }),
      ...('why' in live ? {} : { baseline: live.baseline }),
      deltas,
      rules,
      passed,
      ...(met && version.stage === 'DEV' && { movedTo: 'STAGING' as const }),
      policy: context.policy.ref,
    },
  };
}

function approve(data: Approve, state: ModelState, context: Context): ModelEvent | null {
  const version = existing(state, data.version);
  const earlier = version.decisions.get(context.actor.id);
  if (earlier && repeats(data, earlier, version, context)) return null;
  refuseDeprecated(version);
  refuseOwn(version, context);
  if (isLive(state, version))
    throw new Rejected(
      'is-live',
      `Version ${version.version} is live; roll it back, or decide on another version.`,
    );
  if (version.stage !== 'STAGING' && version.stage !== 'PROD')
    throw new Rejected(
      'not-in-staging',
      `Version ${version.version} is in ${version.stage}; it is decided on once an evaluation has moved it to STAGING.`,
    );
  refuseOther(version, data);
  if (!earlier && version.decisions.size >= LIMITS.reviewers)
    throw new Rejected(
      'too-many',
      `Version ${version.version} has decisions of ${LIMITS.reviewers} reviewers; that is the most.`,
    );
  if (data.decision === 'approve') requireGate(tableRules(version, benchOf(state, version, context)));
  const decided: Decided = {
    version: version.version,
    digest: version.digest,
    evaluated: version.evaluated,
    ...(data.comment !== undefined && { comment: data.comment }),
    ...(context.capacities.length > 0 && { capacities: context.capacities }),
    ...(context.groups?.length && { groups: context.groups }),
    policy: context.policy.ref,
  };
  return { type: data.decision === 'approve' ? 'model.Approved' : 'model.Rejected', data: decided };
}

function rollBack(data: RollBack, state: ModelState): ModelEvent | null {
  const { reason, note } = data;
  if (reason === undefined) throw new Rejected('reason-missing', 'Say in `reason` why the version is left.');
  if (reason === 'other' && !note?.trim())
    throw new Rejected('reason-missing', 'Reason `other` needs a `note` that says what happened.');
  const from = existing(state, data.from);
  const target = data.to === undefined || data.to === 0 ? undefined : named(state, data.to);
  expectPointer(state, data.ifPointer);
  const live = liveVersion(state.pointer);
  if (live !== from.version) {
    if (from.left && (data.to === undefined || data.to === (live ?? 0))) return null;
    throw pointerMoved(`Version ${from.version} is not live`, live);
  }
  const to = data.to === 0 ? undefined : (target ?? nextDown(state));
  if (target) refuseTarget(state, target, from);
  return {
    type: 'model.RolledBack',
    data: {
      from: { version: from.version, digest: from.digest },
      ...(to && { to: { version: to.version, digest: to.digest } }),
      pointer: state.pointer.revision + 1,
      reason,
      ...(note !== undefined && { note }),
    },
  };
}

function deprecate(data: Deprecate, state: ModelState, context: Context): ModelEvent | null {
  const version = existing(state, data.version);
  const successor = data.successor === undefined ? undefined : named(state, data.successor);
  const standing = version.deprecation;
  if (standing?.sunset === data.sunset && (!successor || successor.version === standing.successor))
    return null;
  refuseDeprecated(version);
  if (successor) refuseDeprecated(successor);
  if (successor === version)
    throw new Rejected(
      'is-deprecated',
      `Version ${version.version} cannot be its own successor; name another one in \`successor\`.`,
    );
  if (isLive(state, version))
    throw new Rejected(
      'is-live',
      `Version ${version.version} is live; promote another version or roll back first.`,
    );
  if (rollbackTarget(state.pointer) === version.version)
    throw new Rejected(
      'is-rollback-target',
      `A rollback would go to version ${version.version}; promote another version first.`,
    );
  const noticeDays = daysOf(context.policy.document.deprecation?.notice ?? 'P30D');
  const earliest = dayAfter(context.now, noticeDays);
  if (data.sunset < earliest)
    throw new Rejected(
      'notice-too-short',
      `The sunset must be ${earliest} or later: the policy asks for ${noticeDays} days of notice.`,
      { earliest },
    );
  const follows = successor?.version ?? liveVersion(state.pointer);
  return {
    type: 'model.Deprecated',
    data: {
      version: version.version,
      digest: version.digest,
      sunset: data.sunset,
      ...(follows !== null && { successor: follows }),
      ...(data.note !== undefined && { note: data.note }),
    },
  };
}

/** The event says which suite it is about. */
function withoutSuite({ suite: _, ...rule }: Rule): Rule {
  return rule;
}

function evaluatedDigest(table: [string, string][], context: Context): string {
  return context.digest(table.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the body names has to be what the decision was about: the live version may have been evaluated since. */
function repeats(data: Approve, earlier: Decision, version: Version, context: Context): boolean {
  return (
    earlier.decision === data.decision &&
    earlier.void === null &&
    (data.decision === 'reject' || countsAsMuch(earlier, context)) &&
    (data.digest ?? version.digest) === version.digest &&
    (data.evaluated ?? earlier.evaluated) === earlier.evaluated
  );
}

function nextDown(state: ModelState): Version {
  const target = state.versions[(rollbackTarget(state.pointer) ?? 0) - 1];
  if (target) return target;
  throw new Rejected(
    'no-rollback-target',
    'No earlier version can be rolled back to. Name a formerly live one in `to`, or `to: 0` to have nothing live.',
  );
}

/** The UTC day that begins `days` after the day of an instant. */
function dayAfter(instant: string, days: number): string {
  const day = new Date(instant);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}
