import type { Policy, Registration, Variables } from './commands';
import { msOf, spoken } from './duration';
import type { Bound, Deltas, Rule } from './events';
import { deltasAgainst, judge, type Comparison, type Measured } from './gate';
import { matchesPattern } from './patterns';
import type { Expression, PolicyDocument, Requirable } from './policy-document';
import { boundsIn, LIMITS } from './refusals';
import type { OnTable, Version } from './state';

/** An evaluation that lies on the table, or is about to. */
export type Laid = Measured & { readonly at: string };
export type Table = readonly (readonly [suite: string, evaluation: Laid])[];

/** By what, when, and against what a table is judged. */
export type Bench = {
  readonly policy: Policy;
  readonly now: string;
  readonly live: (suite: string) => Comparison;
};

/** Whether a promotion under this policy looks at what the version was registered as. */
export function looksAtManifest({ register, production }: PolicyDocument): boolean {
  return asksRegistration(register) || (production?.rules ?? []).length > 0;
}

export function asksRegistration(register: PolicyDocument['register']): boolean {
  return [...(register?.require ?? []), ...(register?.rules ?? [])].length > 0;
}

/** What is asked of a registration: members that are there and not empty, and expressions. */
export function registrationRules(
  policy: Policy,
  registration: (Registration & { readonly label?: string; readonly author?: string }) | undefined,
  variables: Variables,
): Rule[] {
  const { require = [], rules = [] } = policy.document.register ?? {};
  const has = (member: Requirable): boolean | null =>
    registration ? filled({ ...registration.manifest, ...registration }[member]) : null;
  return [
    ...require.map((member) => thereRule(member, has(member))),
    ...rules.map((rule) => expressionRule(policy, rule, variables)),
  ];
}

/** From DEV nothing goes on: the list of rules begins by saying so. */
export function stageRule(version: Version): Rule[] {
  if (version.stage !== 'DEV') return [];
  return [
    {
      rule: 'stage',
      required: 'STAGING',
      observed: 'DEV',
      verdict: 'fail',
      because: 'the staging gate has not been met yet',
    },
  ];
}

/** The staging gate by the verdicts that were stored: enough on the table, every bound passed, and what the policy asks of suites. */
export function tableRules(version: Version, bench: Bench): Rule[] {
  const table = bySuite(version);
  const stored = table.flatMap(([suite, evaluation]) =>
    declaredRules(bench.policy, suite, evaluation, evaluation.live),
  );
  return [...evaluationsRule(table.length, bench.policy), ...stored, ...suiteRules(table, bench)];
}

/** The same gate judged again, with every bound relative to live against what is live now. */
export function judgedAgain(
  version: Version,
  bench: Bench,
): { rules: Rule[]; deltas: { [suite: string]: Deltas } } {
  const table = bySuite(version);
  const rules = evaluationsRule(table.length, bench.policy);
  const deltas: { [suite: string]: Deltas } = {};
  for (const [suite, evaluation] of table) {
    const comparison = bench.live(suite);
    rules.push(...declaredRules(bench.policy, suite, evaluation, comparison));
    if (!('why' in comparison)) deltas[suite] = deltasAgainst(evaluation.metrics, comparison.metrics);
  }
  return { rules: [...rules, ...suiteRules(table, bench)], deltas };
}

/** The bounds that an evaluation declares for itself; that there is none does not matter where the policy has some. */
export function declaredRules(policy: Policy, suite: string, evaluation: Laid, live: Comparison): Rule[] {
  const none = Object.keys(evaluation.thresholds).length === 0;
  return none && boundsOn(policy, suite).length > 0 ? [] : judge(evaluation, live, suite);
}

/**
 * The policy's bounds on each evaluation: what it declares itself adds to them and relaxes nothing. Each pattern that
 * matches brings all of its own to each suite: of more than can be kept none is judged, which is inconclusive.
 */
export function policyBounds(table: Table, { policy, live }: Bench): Rule[] {
  const asked = table.map(([suite, evaluation]) => ({ suite, evaluation, sets: boundsOn(policy, suite) }));
  const own = sum(asked.flatMap(({ sets }) => sets.map(boundsIn)));
  const all = own + sum(table.map(([, { thresholds }]) => boundsIn(thresholds)));
  if (own > 0 && all > LIMITS.bounds) return [tooManyBounds(all)];
  return asked.flatMap(({ suite, evaluation: { metrics }, sets }) =>
    sets.flatMap((thresholds) => judge({ metrics, thresholds }, live(suite), suite)),
  );
}

/** What the policy asks of suites: that one that matches is there and recent, and the bounds on each that matches. */
export function suiteRules(table: Table, bench: Bench): Rule[] {
  const { suites = [] } = bench.policy.document.staging ?? {};
  const demanded = suites.flatMap(({ suite, maxAge }) => {
    const matching = table.filter(([name]) => matchesPattern(suite, name));
    return [thereIsOne(suite, matching.length), ...ageRule(suite, maxAge, matching, bench.now)];
  });
  return [...demanded, ...policyBounds(table, bench)];
}

export function evaluationsRule(size: number, { document }: Policy): Rule[] {
  const required = document.staging?.evaluations?.min ?? 1;
  return [
    {
      rule: `evaluations >= ${required}`,
      required,
      observed: size,
      verdict: size >= required ? 'pass' : 'fail',
    },
  ];
}

/** The verdict of an expression. What it cannot say is inconclusive, and that is not a pass. */
export function expressionRule(policy: Policy, { name, expr }: Expression, variables: Variables): Rule {
  const opinion = policy.evaluate(expr, variables);
  const rule = { rule: name, required: expr };
  if ('because' in opinion)
    return { ...rule, observed: null, verdict: 'inconclusive', because: opinion.because };
  return { ...rule, observed: opinion.holds, verdict: opinion.holds ? 'pass' : 'fail' };
}

/** What is on the table, in order of suite. */
export function bySuite(version: Version): [string, OnTable][] {
  return [...version.table].sort(([a], [b]) => (a < b ? -1 : 1));
}

function boundsOn({ document }: Policy, suite: string): { readonly [metric: string]: Bound }[] {
  return (document.staging?.suites ?? []).flatMap(({ suite: pattern, metrics }) =>
    metrics && Object.keys(metrics).length > 0 && matchesPattern(pattern, suite) ? [metrics] : [],
  );
}

function tooManyBounds(observed: number): Rule {
  const required = LIMITS.bounds;
  const because = 'there are too many bounds on these suites, so those of the policy were not judged';
  return { rule: `bounds <= ${required}`, required, observed, verdict: 'inconclusive', because };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function thereIsOne(suite: string, observed: number): Rule {
  const verdict = observed > 0 ? 'pass' : 'fail';
  return { rule: `evaluated on ${suite}`, suite, required: 1, observed, verdict };
}

function ageRule(suite: string, maxAge: string | undefined, matching: Table, now: string): Rule[] {
  const newest = matching
    .map(([, { at }]) => at)
    .sort()
    .at(-1);
  if (maxAge === undefined || newest === undefined) return [];
  const age = Date.parse(now) - Date.parse(newest);
  const verdict = age <= msOf(maxAge) ? 'pass' : 'fail';
  return [{ rule: `age of ${suite} <= ${maxAge}`, suite, required: maxAge, observed: spoken(age), verdict }];
}

function thereRule(member: Requirable, there: boolean | null): Rule {
  const rule = { rule: `${member} is there`, required: true, observed: there };
  if (there === null)
    return { ...rule, verdict: 'inconclusive', because: 'what was registered is not at hand' };
  return { ...rule, verdict: there ? 'pass' : 'fail' };
}

function filled(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'string') return value.trim() !== '';
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
