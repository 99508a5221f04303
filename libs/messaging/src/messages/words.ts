import { betterWay, judgedWay, type Evidence, type ReasonCode } from '@gatehouse/domain';
import type { BreakGlass, EvaluatedFact, VersionName } from './told';

/** "version 4 (3.7.1)". */
export function sayVersion({ version, label }: VersionName): string {
  return label === null ? `version ${version}` : `version ${version} (${label})`;
}

/** How a headline ends that tells of a promotion: nothing where it went the usual way. */
export function sayBreakGlass(breakGlass: BreakGlass | null): string {
  if (breakGlass === null) return '';
  const { reviewBy } = breakGlass;
  const review = reviewBy === null ? '' : `, and a second person looks at it by ${reviewBy}`;
  return `, by break-glass: what it usually waits for was skipped${review}`;
}

export const REASONS: Record<ReasonCode, string> = {
  'accuracy-regression': 'it was less accurate',
  latency: 'it was too slow',
  'error-rate': 'it failed too often',
  drift: 'what it sees has changed',
  safety: 'it was not safe',
  security: 'it was not secure',
  compliance: 'it broke a rule we have to keep',
  cost: 'it cost too much',
  'bad-data': 'it was made from bad data',
  other: 'of another reason',
};

export type Changes = {
  readonly better: readonly string[];
  readonly worse: readonly string[];
  /** What moved where neither the bounds of the evaluation nor the verdicts on those of the policy say which way is better. */
  readonly moved: readonly string[];
};

export const NO_CHANGES: Changes = { better: [], worse: [], moved: [] };

/** What got better and what got worse, in words: in order of suite and metric. What stayed the same is left out. */
export function changesOf(
  { deltas, rules }: Pick<Evidence, 'deltas' | 'rules'>,
  evaluations: readonly EvaluatedFact[],
): Changes {
  const changes = { better: [] as string[], worse: [] as string[], moved: [] as string[] };
  for (const { data } of evaluations) {
    const judged = rules.filter(({ suite }) => suite === data.suite);
    for (const [metric, { live, delta }] of Object.entries(deltas[data.suite] ?? {})) {
      if (delta === 0) continue;
      const bound = Object.hasOwn(data.thresholds, metric) ? data.thresholds[metric] : undefined;
      const way = (bound && betterWay(bound)) ?? judgedWay(judged, metric, delta);
      const went = delta > 0 ? 'higher' : 'lower';
      const list = way === undefined ? changes.moved : way === went ? changes.better : changes.worse;
      list.push(sentence(metric, data.suite, { from: live, to: data.metrics[metric], delta, went }));
    }
  }
  return changes;
}

type Change = { from: number; to: number | undefined; delta: number; went: 'higher' | 'lower' };

function sentence(metric: string, suite: string, { from, to, delta, went }: Change): string {
  const now = to === undefined ? '' : ` is ${to}`;
  return `${metric} on ${suite}${now}, ${Math.abs(delta)} ${went} than the ${from} of what was live`;
}
