import type { Environment } from '@marcbachmann/cel-js';
import type { Opinion, Variables } from '@gatehouse/domain';
import { boundsOf, type Cost } from './cel-bounds';
import { makeStrict } from './cel-strict';
import { Subject } from './cel-subject';
import { environmentOf, type Place } from './cel-variables';

/** An expression that was read and checked. */
export type Compiled = (variables: Variables) => Opinion;

// Making one takes longer than reading a whole policy.
const environments = new Map<Place, Environment>();

/** Reads an expression, and checks its types against the variables of its place. `refused`: why it is not taken. */
export function compileExpression(
  place: Place,
  expr: string,
): { readonly run: Compiled } | { readonly refused: string } {
  const environment = environments.get(place) ?? environmentOf(place);
  environments.set(place, environment);
  try {
    const parsed = environment.parse(expr);
    const { valid, type, error } = parsed.check();
    const cost = boundsOf(parsed.ast);
    if ('refused' in cost) return cost;
    if (!valid) return { refused: summaryOf(error) };
    if (type !== 'bool') return { refused: `is a ${type}, not a bool; compare it with something` };
    makeStrict(parsed.ast);
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
  const subject = Subject.of(variables);
  if (!subject.affords(cost)) return { because: 'there is too much here to look through' };
  try {
    const holds = evaluate(subject.valuesAt(place));
    return typeof holds === 'boolean' ? { holds } : { because: 'it is neither true nor false' };
  } catch (error) {
    return { because: summaryOf(error) };
  }
}

function summaryOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  return (summary ?? message ?? 'cannot be read').slice(0, 300);
}
