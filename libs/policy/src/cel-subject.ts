import type { Variables } from '@gatehouse/domain';
import type { Cost } from './cel-bounds';
import { typed, type Place } from './cel-variables';

/**
 * Steps that all expressions of one judgement may take together, at most. A step takes a microsecond at worst, and
 * nobody else is served meanwhile.
 */
export const MOST_STEPS = 25_000;
/** Of a text, so many are read in a step. */
const CHARACTERS = 500;

/** How large something is: its longest list or map, all that is in it, and its longest text. */
type Measure = { length: number; size: number; text: number };
const NOTHING: Readonly<Measure> = { length: 0, size: 0, text: 0 };
/** What is written in the expression itself is no larger. */
const FLOOR: Readonly<Measure> = { length: 20, size: 20, text: 1_000 };
/** More than there are steps for. */
const ENDLESS: Readonly<Measure> = { length: 1e9, size: 1e9, text: 1e12 };

/** What a judgement looks at. All of its expressions share one: what it takes to look is taken once. */
export class Subject {
  private static readonly known = new WeakMap<Variables, Subject>();
  private readonly values = new Map<Place, Record<string, unknown>>();
  private readonly measures = new Map<string, Measure>();
  private left = MOST_STEPS;

  private constructor(private readonly variables: Variables) {}

  static of(variables: Variables): Subject {
    const known = Subject.known.get(variables);
    if (known) return known;
    const made = new Subject(variables);
    Subject.known.set(variables, made);
    return made;
  }

  /** As the types of a place. */
  valuesAt(place: Place): Record<string, unknown> {
    const known = this.values.get(place) ?? typed(place, this.variables);
    this.values.set(place, known);
    return known;
  }

  /** Whether an expression may still be asked. What it can cost at most is gone then, whatever it does cost. */
  affords(cost: Cost): boolean {
    const steps = this.stepsOf(cost);
    if (!(steps <= this.left)) return false;
    this.left -= steps;
    return true;
  }

  /** At most: every comprehension over the longest list that there is, and in it every time the largest thing. */
  private stepsOf({ nodes, nesting, additions, texts, deep, names }: Cost): number {
    if (nesting + texts + deep === 0) return nodes;
    const grown = 2 ** additions;
    const most = [...names].map((name) => this.measure(name)).reduce(larger, FLOOR);
    const each = nodes + texts * grown * (most.text / CHARACTERS) + deep * grown * most.size;
    return each * (most.length * grown) ** nesting;
  }

  /** What goes by a name: a variable, or a member of the manifest. */
  private measure(name: string): Measure {
    const known = this.measures.get(name);
    if (known) return known;
    // Nothing but a manifest is ever called so.
    const { manifest = {} } = this.variables as { manifest?: Variables };
    const measure = [this.variables, manifest]
      .map((values) => (Object.hasOwn(values, name) ? measureOf(values[name]) : NOTHING))
      .reduce(larger);
    this.measures.set(name, measure);
    return measure;
  }
}

/** Looks no further than there are steps for. */
function measureOf(value: unknown): Measure {
  const most = { ...NOTHING };
  const left: unknown[] = [value];
  while (left.length > 0) {
    if (++most.size > MOST_STEPS || left.length > MOST_STEPS) return ENDLESS;
    const next = left.pop();
    if (typeof next === 'string') {
      most.text = Math.max(most.text, next.length);
      most.size += next.length / CHARACTERS;
    } else if (typeof next === 'object' && next !== null) {
      const inner: unknown[] = Object.values(next);
      most.length = Math.max(most.length, inner.length);
      if (inner.length > MOST_STEPS) return ENDLESS;
      left.push(...inner);
    }
  }
  return most;
}

function larger(a: Measure, b: Measure): Measure {
  return {
    length: Math.max(a.length, b.length),
    size: Math.max(a.size, b.size),
    text: Math.max(a.text, b.text),
  };
}
