import { digestOf } from '@gatehouse/canonical';
import {
  isInstant,
  tryPromotion,
  type Bound,
  type Context,
  type Manifest,
  type Policy,
  type Rule,
  type Trial,
  type Verdict,
} from '@gatehouse/domain';
import CASES_SCHEMA from './cases.schema.json';
import { Past } from './past';
import { at, PolicyRefused } from './refused';
import { checkedBy } from './schema';

/** A promotion that a policy should let through, or refuse for a reason. Whatever is left out is as it should be. */
export type Case = {
  readonly name: string;
  readonly at: string;
  readonly by?: { readonly id: string; readonly capacities?: readonly string[] };
  readonly breakGlass?: { readonly reason: string };
  readonly model?: string;
  readonly version?: {
    readonly label?: string;
    readonly registrar?: string;
    readonly author?: string;
    readonly changelog?: string;
    readonly manifest?: Manifest;
  };
  readonly live?: { readonly [suite: string]: { readonly [metric: string]: number } };
  readonly evaluations?: readonly {
    readonly suite: string;
    readonly at?: string;
    readonly metrics: { readonly [metric: string]: number };
    readonly thresholds?: { readonly [metric: string]: Bound };
  }[];
  readonly approvals?: readonly {
    readonly by: string;
    readonly at?: string;
    readonly capacities?: readonly string[];
    readonly since?: readonly string[];
    readonly decision?: 'approve' | 'reject';
  }[];
  readonly expect: {
    readonly outcome: string;
    readonly rules?: { readonly [rule: string]: Verdict };
    readonly missing?: readonly string[];
  };
};

/** What a policy says of a case, and where that is not what was expected. */
export type CaseResult = {
  readonly name: string;
  readonly passed: boolean;
  readonly outcome: string;
  readonly differences: readonly {
    readonly what: string;
    readonly expected: unknown;
    readonly got: unknown;
  }[];
  readonly rules: readonly Rule[];
};

const asCases = checkedBy<{ readonly policy?: object | string; readonly cases: readonly Case[] }>(
  CASES_SCHEMA,
);

/** A value as a file of cases; the policy in it is not looked at. Throws `PolicyRefused`. */
export function checkCases(value: unknown): { policy?: object | string; cases: readonly Case[] } {
  const file = asCases(value);
  const errors = file.cases.flatMap((one, i) => {
    const instants = [one, ...(one.evaluations ?? []), ...(one.approvals ?? [])];
    const wrong = instants.some((dated) => dated.at !== undefined && !isInstant(dated.at));
    return wrong ? [{ pointer: at('/cases', i), message: 'has an instant that is none' }] : [];
  });
  if (errors.length > 0) throw new PolicyRefused(errors);
  return file;
}

/** Plays a case with the real rules, and compares. */
export function runCase(policy: Policy, one: Case): CaseResult {
  const steps = playCase(policy, one);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same step by step, each a few milliseconds, for who has other things to do in between: fifty evaluations take their time. */
export function* playCase(policy: Policy, one: Case): Generator<void, CaseResult> {
  const trial = yield* trialOf(policy, one);
  const rules = [...trial.production, ...trial.approvals];
  const outcome = trial.code ?? 'promoted';
  const missing = trial.missing.map(({ capacity, by, needed }) => capacity ?? by ?? needed);
  const { expect } = one;
  const differences = [
    ...differs('outcome', expect.outcome, outcome),
    ...Object.entries(expect.rules ?? {}).flatMap(([rule, verdict]) =>
      differs(rule, verdict, verdictOf(rules, rule)),
    ),
    ...(expect.missing ? differs('missing', [...expect.missing].sort(), missing.sort()) : []),
  ];
  return { name: one.name, passed: differences.length === 0, outcome, differences, rules };
}

function* trialOf(policy: Policy, one: Case): Generator<void, Trial> {
  const { version = {}, approvals = [], by = { id: 'promoter' } } = one;
  const { manifest = { config: 'any' }, changelog = 'changed', registrar = 'ci', label, author } = version;
  const holders = new Map<string, readonly string[]>(
    approvals.map(({ by: id, since, capacities }) => [id, since ?? capacities ?? []]),
  );
  const context: Context = {
    now: new Date(one.at).toISOString(),
    eventId: '',
    actor: { id: by.id, kind: 'user' },
    model: one.model ?? 'model',
    policy,
    capacities: by.capacities ?? [],
    holds: (id, capacity) => (holders.get(id) ?? []).includes(capacity),
    registration: { manifest, changelog },
    digest: digestOf,
  };
  const past = new Past(context);
  if (one.live) yield* past.goesLive(one.live);
  const number = past.registers(registrar, {
    changelog,
    manifest,
    ...(label !== undefined && { label }),
    ...(author !== undefined && { author }),
  });
  for (const evaluation of one.evaluations ?? []) yield past.evaluates(number, evaluation);
  for (const approval of approvals) past.decides(number, approval);
  return tryPromotion(past.state, { version: number, breakGlass: one.breakGlass }, context);
}

/** The worst that is said of a rule: the same name can stand for several suites. */
function verdictOf(rules: readonly Rule[], name: string): Verdict | 'no such rule' {
  const verdicts = rules.filter(({ rule }) => rule === name).map(({ verdict }) => verdict);
  return (['fail', 'inconclusive', 'pass'] as const).find((one) => verdicts.includes(one)) ?? 'no such rule';
}

function differs(what: string, expected: unknown, got: unknown) {
  return JSON.stringify(expected) === JSON.stringify(got) ? [] : [{ what, expected, got }];
}
