import type { EvaluationView } from './resources';

const OPERATORS = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
  '=': (a: number, b: number) => a === b,
};

/** What is asked of a metric, e.g. `f1>=0.9`. */
export type MetricCondition = { metric: string; op: keyof typeof OPERATORS; value: number };

const CONDITION =
  /^\s*([A-Za-z0-9][A-Za-z0-9._/@%-]{0,63})\s*(>=|<=|>|<|=)\s*(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*$/;

/** Reads `<metric><op><number>`; null if it is not that. */
export function parseMetricCondition(text: string): MetricCondition | null {
  const [, metric, op, number] = CONDITION.exec(text) ?? [];
  const value = Number(number);
  if (metric === undefined || op === undefined || !Number.isFinite(value)) return null;
  return { metric, op: op as MetricCondition['op'], value };
}

/** Whether each condition holds on some suite that is on the table. */
export function meets(
  evaluations: readonly EvaluationView[],
  conditions: readonly MetricCondition[],
): boolean {
  return conditions.every(({ metric, op, value }) =>
    evaluations.some(
      ({ metrics }) => Object.hasOwn(metrics, metric) && OPERATORS[op](metrics[metric]!, value),
    ),
  );
}
