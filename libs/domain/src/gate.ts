import { betterWay, BOUND } from './bounds';
import { differsAtMost, minus } from './decimal';
import type { Bound, Deltas, Rule } from './events';

/** An evaluation as far as it is judged. */
export type Measured = {
  readonly metrics: { readonly [metric: string]: number };
  readonly thresholds: { readonly [metric: string]: Bound };
};

/** What is live, on the suite in question; null where there is nothing to compare with, and `why`. */
export type Comparison =
  | { readonly version: number; readonly metrics: { readonly [metric: string]: number } }
  | { readonly why: string };

/** The verdict on every declared bound, in order of metric. No bound at all judges nothing, which is inconclusive. */
export function judge(measured: Measured, live: Comparison, suite?: string): Rule[] {
  const where = suite === undefined ? {} : { suite };
  const metrics = Object.keys(measured.thresholds).sort();
  if (metrics.length === 0)
    return [
      {
        rule: 'bounds',
        ...where,
        required: 'at least one',
        observed: 'none',
        verdict: 'inconclusive',
        because: 'the evaluation declares no bound, so it judges nothing',
      },
    ];
  return metrics.flatMap((metric) =>
    judgeBound(metric, measured.thresholds[metric]!, ownValue(measured.metrics, metric), live).map(
      ({ rule, ...verdict }) => ({ rule, ...where, metric, ...verdict }),
    ),
  );
}

export function allPass(rules: readonly Rule[]): boolean {
  return rules.every(({ verdict }) => verdict === 'pass');
}

/** How far every metric that both have is above the live version's. */
export function deltasAgainst(metrics: Measured['metrics'], live: Measured['metrics']): Deltas {
  const shared = Object.keys(metrics)
    .filter((metric) => Object.hasOwn(live, metric))
    .sort();
  return Object.fromEntries(
    shared.map((metric) => [metric, { live: live[metric]!, delta: minus(metrics[metric]!, live[metric]!) }]),
  );
}

function ownValue(metrics: Measured['metrics'], metric: string): number | undefined {
  return Object.hasOwn(metrics, metric) ? metrics[metric] : undefined;
}

function judgeBound(metric: string, bound: Bound, value: number | undefined, live: Comparison): Rule[] {
  const { min, max, maxRegression } = bound;
  const rules: Rule[] = [];
  if (min !== undefined) rules.push(limit(BOUND.min(metric, min), min, value, (measured) => measured >= min));
  if (max !== undefined) rules.push(limit(BOUND.max(metric, max), max, value, (measured) => measured <= max));
  if (maxRegression !== undefined) rules.push(regression(metric, bound, maxRegression, value, live));
  return rules;
}

function limit(
  rule: string,
  required: number,
  value: number | undefined,
  holds: (value: number) => boolean,
): Rule {
  if (value === undefined) return { rule, required, ...NOT_MEASURED };
  return { rule, required, observed: value, verdict: holds(value) ? 'pass' : 'fail' };
}

function regression(
  metric: string,
  bound: Bound,
  required: number,
  value: number | undefined,
  live: Comparison,
): Rule {
  const rule = BOUND.maxRegression(metric, required);
  if (value === undefined) return { rule, required, ...NOT_MEASURED };
  if ('why' in live) return { rule, required, observed: null, verdict: 'pass', because: live.why };
  const before = ownValue(live.metrics, metric);
  if (before === undefined)
    return {
      rule,
      required,
      observed: null,
      verdict: 'pass',
      because: `version ${live.version}, which is live, has no ${metric} on this suite`,
    };
  const [from, to] = betterWay(bound) === 'lower' ? [value, before] : [before, value];
  return {
    rule,
    required,
    observed: minus(from, to),
    verdict: differsAtMost(from, to, required) ? 'pass' : 'fail',
    because: `version ${live.version}, which is live, has ${before}; this one has ${value}`,
  };
}

const NOT_MEASURED = {
  observed: null,
  verdict: 'inconclusive',
  because: 'the metric was not measured',
} as const;
