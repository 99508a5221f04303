// Patterns of names: `*` stands for any run of characters, also for none; every other character for itself.

/** Whether a name matches. Linear in pattern × name, whatever they hold: no regular expression is made of them. */
export function matchesPattern(pattern: string, name: string): boolean {
  let star = -1;
  let resume = 0;
  let p = 0;
  let n = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/**
 * How specific a pattern is: a name without `*` is the most specific there is; of the others the one with more
 * characters besides `*`. Equal numbers are a tie.
 */
export function specificity(pattern: string): number {
  return pattern.includes('*') ? pattern.replaceAll('*', '').length : Number.MAX_SAFE_INTEGER;
}

/**
 * A name that both patterns match; undefined: there is none. Two that have a `*` have one exactly when both can begin and
 * end alike: in between, the one's `*` takes in what the other asks for.
 */
export function commonName(a: string, b: string): string | undefined {
  if (!a.includes('*')) return matchesPattern(b, a) ? a : undefined;
  if (!b.includes('*')) return matchesPattern(a, b) ? b : undefined;
  const [one, other] = [partsOf(a), partsOf(b)];
  const begin = longer(one.begin, other.begin);
  const end = longer(one.end, other.end);
  if (!begin.startsWith(one.begin) || !begin.startsWith(other.begin)) return undefined;
  if (!end.endsWith(one.end) || !end.endsWith(other.end)) return undefined;
  const rest = one.between + other.between + end;
  // Where both begin with a `*`, anything may come first that a name can begin with.
  return begin === '' ? `a${rest}` : begin + rest;
}

/** What a pattern begins and ends with, and, run together, what it asks for in between. */
function partsOf(pattern: string): { begin: string; between: string; end: string } {
  const texts = pattern.split('*');
  return { begin: texts[0]!, between: texts.slice(1, -1).join(''), end: texts.at(-1)! };
}

function longer(a: string, b: string): string {
  return a.length > b.length ? a : b;
}
