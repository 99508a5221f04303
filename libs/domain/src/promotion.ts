import { tally, type Tally } from './approvals';
import type { Context, Registration, Variables } from './commands';
import { msOf, spoken } from './duration';
import type { Deltas, Rule } from './events';
import { bySuite, expressionRule, judgedAgain, registrationRules, stageRule, type Bench } from './gates';
import { allPass } from './gate';
import type { Freeze } from './policy-document';
import { Rejected } from './rejections';
import type { Version } from './state';

/** Everything that a policy asks of a promotion, judged. */
export type Assessment = {
  /** What nothing skips: registration, evaluations, the production rules. */
  readonly rules: readonly Rule[];
  /** What break-glass skips besides the approvals: soak and freeze. */
  readonly waits: readonly Rule[];
  readonly approvals: Tally;
  readonly deltas: { readonly [suite: string]: Deltas };
};

/**
 * Bytes of JSON that what was judged may take. An event holds 512 KiB; the rest is for who, when and by which policy, and
 * for what a promotion refers to.
 */
const MOST_EVIDENCE = 496 * 1024;

/** Judges every rule, whether or not one before it failed; and whether all of it can be kept, where it cannot. */
export function assess(version: Version, live: Bench['live'], context: Context): Assessment {
  const judged = judgeAll(version, live, context);
  return { ...judged, rules: [...judged.rules, ...evidenceRule(judged)] };
}

function evidenceRule({ rules, waits, approvals, deltas }: Assessment): Rule[] {
  const kept = [rules.map(compact), waits, approvals.rules, approvals.counted, deltas];
  const bytes = bytesOf(kept);
  if (bytes <= MOST_EVIDENCE) return [];
  return [
    {
      rule: 'evidence <= 496 KiB',
      required: MOST_EVIDENCE,
      observed: bytes,
      verdict: 'fail',
      because: 'the event of a promotion cannot keep so much: have fewer metrics or bounds on the table',
    },
  ];
}

function judgeAll(version: Version, live: Bench['live'], context: Context): Assessment {
  const { policy, now } = context;
  const { rules, deltas } = judgedAgain(version, { policy, now, live });
  const approvals = tally(version, context);
  const { register, production } = policy.document;
  // Most policies have no expression: then nobody needs the variables.
  const asks = register?.rules ?? production?.rules;
  const variables = asks ? variablesOf(version, deltas, approvals, context) : {};
  const { label, author } = version;
  const registration = context.registration && {
    ...context.registration,
    ...(label !== null && { label }),
    ...(author !== null && { author }),
  };
  return {
    rules: [
      ...registrationRules(policy, registration, variables),
      ...rules,
      ...(production?.rules ?? []).map((rule) => expressionRule(policy, rule, variables)),
    ],
    waits: [...soakRule(version, context), ...freezeRules(context)],
    approvals,
    deltas,
  };
}

/** `stage` first, where it is why nothing goes on. */
export function requireGate(rules: readonly Rule[]): void {
  if (allPass(rules)) return;
  const open = rules
    .filter(({ verdict }) => verdict !== 'pass')
    .map(({ rule, verdict }) => `${rule}: ${verdict}`);
  throw new Rejected(
    'gate-not-met',
    `The gate is not met (${open.slice(0, 5).join('; ')}${open.length > 5 ? '; …' : ''}).`,
    { gate: rules },
  );
}

/** As it is stored: UTF-8. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Without the words that the evidence says in numbers: the deltas beside it have what was compared. */
export function compact({ because, ...rule }: Rule): Rule {
  return because === undefined || rule.observed !== null ? rule : { ...rule, because };
}

/** What the rules of a promotion are called in an answer, in the order in which they are judged. */
export function gateOf(version: Version, { rules, waits }: Assessment): Rule[] {
  return [...stageRule(version), ...rules, ...waits];
}

function soakRule(version: Version, { policy, now }: Context): Rule[] {
  const soak = policy.document.production?.soak;
  if (soak === undefined) return [];
  const rule = { rule: `soak >= ${soak}`, required: soak };
  if (version.stagedAt === null)
    return [{ ...rule, observed: null, verdict: 'fail', because: 'the version has not been in STAGING yet' }];
  const waited = Date.parse(now) - Date.parse(version.stagedAt);
  const verdict = waited >= msOf(soak) ? 'pass' : 'fail';
  return [
    {
      ...rule,
      observed: spoken(waited),
      verdict,
      because: `it has been in STAGING since ${version.stagedAt}`,
    },
  ];
}

function freezeRules({ policy, now }: Context): Rule[] {
  return (policy.document.production?.freeze ?? []).map((freeze) => {
    const when = 'weekly' in freeze ? `${freeze.weekly} ${freeze.zone}` : `${freeze.from} - ${freeze.to}`;
    const rule = { rule: `no freeze: ${freeze.reason}`, required: `not in ${when}`, observed: now };
    if (!isFrozen(freeze, policy.inWeek, now)) return { ...rule, verdict: 'pass' };
    return { ...rule, verdict: 'fail', because: `promotions are frozen: ${freeze.reason}` };
  });
}

function isFrozen(freeze: Freeze, inWeek: Context['policy']['inWeek'], now: string): boolean {
  if ('weekly' in freeze) return inWeek(freeze.weekly, freeze.zone, now);
  const at = Date.parse(now);
  return at >= Date.parse(freeze.from) && at < Date.parse(freeze.to);
}

function variablesOf(
  version: Version,
  deltas: { readonly [suite: string]: Deltas },
  { counting }: Tally,
  { actor, model, now, registration }: Context,
): Variables {
  const table = bySuite(version);
  return {
    ...registrationVariables(version, model, now, registration),
    evaluations: table.map(([suite, { at, metrics, passed }]) => ({ suite, at, metrics, passed })),
    metrics: Object.fromEntries(table.map(([suite, { metrics }]) => [suite, metrics])),
    deltas: Object.entries(deltas).flatMap(([suite, byMetric]) =>
      Object.entries(byMetric).map(([metric, { live, delta }]) => ({ suite, metric, live, delta })),
    ),
    approvals: counting.map(({ by, decision: { at }, held }) => ({ by, at, capacities: held })),
    promoter: actor.id,
  };
}

/** The variables that there are at a registration, too. */
export function registrationVariables(
  version: {
    readonly version: number;
    readonly digest: string;
    readonly label?: string | null;
    readonly registrar: string;
    readonly author?: string | null;
  },
  model: string,
  now: string,
  registration: Registration | undefined,
): Variables {
  const { digest, label, registrar, author } = version;
  return {
    model,
    now,
    ...(registration && { manifest: registration.manifest, changelog: registration.changelog }),
    version: {
      number: version.version,
      digest,
      registrar,
      ...(typeof label === 'string' && { label }),
      ...(typeof author === 'string' && { author }),
    },
  };
}
