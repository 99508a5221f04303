import type { Bound, Rule } from './events';

export type Way = 'higher' | 'lower';

/** How a verdict names the bound that it is on. NOTE: stored format. What was judged once is recognized by its name. */
export const BOUND = {
  min: (metric: string, required: number) => `${metric} >= ${required}`,
  max: (metric: string, required: number) => `${metric} <= ${required}`,
  maxRegression: (metric: string, required: number) => `${metric} regression <= ${required}`,
} as const;

/** Which way is better: as declared, or as the one-sided bound implies; undefined where neither says it, or both disagree. */
export function betterWay(bound: Bound): Way | undefined {
  const { min, max, better } = bound;
  if ((min === undefined) === (max === undefined)) return better;
  const implied = min !== undefined ? 'higher' : 'lower';
  return better === undefined || better === implied ? implied : undefined;
}

/**
 * Which way was better by the verdicts on a metric that is `delta` above the live version's: a regression is counted in
 * one way only, else a one-sided bound implies it. Undefined where they do not say it, or disagree.
 */
export function judgedWay(rules: readonly Rule[], metric: string, delta: number): Way | undefined {
  const on = rules.filter((rule) => rule.metric === metric);
  const counted = on.flatMap((rule) => countedWay(rule, metric, delta) ?? []);
  return agreed(counted.length > 0 ? counted : on.flatMap((rule) => impliedWay(rule, metric) ?? []));
}

function countedWay({ rule, required, observed }: Rule, metric: string, delta: number): Way | undefined {
  if (typeof required !== 'number' || rule !== BOUND.maxRegression(metric, required)) return undefined;
  if (delta === 0 || typeof observed !== 'number' || Math.abs(observed) !== Math.abs(delta)) return undefined;
  return observed === delta ? 'lower' : 'higher';
}

function impliedWay({ rule, required }: Rule, metric: string): Way | undefined {
  if (typeof required !== 'number') return undefined;
  if (rule === BOUND.min(metric, required)) return 'higher';
  return rule === BOUND.max(metric, required) ? 'lower' : undefined;
}

function agreed(ways: readonly Way[]): Way | undefined {
  return new Set(ways).size === 1 ? ways[0] : undefined;
}
