import type { Environment } from '@marcbachmann/cel-js';
import type { Opinion, Variables } from '@gatehouse/domain';
import { boundsOf, type Cost } from './cel-bounds';
import { environmentOf, typed, type Place } from './cel-variables';

/** An expression that was read and checked. */
export type Compiled = (variables: Variables) => Opinion;

// Making one takes longer than reading a whole policy.
const environments = new Map<Place, Environment>();
/** Steps that an evaluation may take, at most; a step takes well under a microsecond. */
const MOST_STEPS = 250_000;
const FREE = ['config', 'prompt', 'retrieval'];

/** Reads an expression, and checks its types against the variables of its place. `refused`: why it is not taken. */
export function compileExpression(
  place: Place,
  expr: string,
): { readonly run: Compiled } | { readonly refused: string } {
  const environment = environments.get(place) ?? environmentOf(place);
  environments.set(place, environment);
  try {
    const parsed = environment.parse(expr);
    const cost = boundsOf(parsed.ast);
    if ('refused' in cost) return cost;
    const { valid, type, error } = parsed.check();
    if (!valid) return { refused: summaryOf(error) };
    if (type !== 'bool') return { refused: `is a ${type}, not a bool; compare it with something` };
    // The parser's function is typed "anything"; what it says is looked at below.
    const evaluate: (variables: object) => unknown = parsed;
    return { run: (variables) => opinion(place, evaluate, cost, variables) };
  } catch (error) {
    return { refused: summaryOf(error) };
  }
}

/** An error, a missing value, and what would take too long all say nothing. */
function opinion(
  place: Place,
  evaluate: (variables: object) => unknown,
  cost: Cost,
  variables: Variables,
): Opinion {
  if (stepsOf(cost, variables) > MOST_STEPS) return { because: 'there is too much here to look through' };
  try {
    const holds = evaluate(typed(place, variables));
    return typeof holds === 'boolean' ? { holds } : { because: 'it is neither true nor false' };
  } catch (error) {
    return { because: summaryOf(error) };
  }
}

/** At most: every comprehension over the longest list that there is. */
function stepsOf({ nodes, nesting, additions, names }: Cost, variables: Variables): number {
  if (nesting === 0) return nodes;
  const { manifest, ...rest } = variables as { manifest?: { [member: string]: unknown } };
  const seen = Object.entries(manifest ?? {}).filter(([name]) => names.has(name));
  const longest = Math.max(
    20,
    ...Object.entries(rest).map(([name, value]) => (names.has(name) ? longestIn(value, 2) : 0)),
    ...seen.map(([name, value]) => longestIn(value, FREE.includes(name) ? 16 : 1)),
  );
  return nodes * (longest * 2 ** additions) ** nesting;
}

function longestIn(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value);
  if (depth === 1) return inner.length;
  return inner.reduce((most: number, one) => Math.max(most, longestIn(one, depth - 1)), inner.length);
}

function summaryOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  return (summary ?? message ?? 'cannot be read').slice(0, 300);
}
