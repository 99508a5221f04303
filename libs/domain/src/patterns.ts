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

/** A name that both patterns match; undefined: there is none. Takes a step for each pair of characters, at most. */
export function commonName(a: string, b: string): string | undefined {
  if (!a.includes('*')) return matchesPattern(b, a) ? a : undefined;
  if (!b.includes('*')) return matchesPattern(a, b) ? b : undefined;
  const width = b.length + 1;
  // What can be matched from two places on: nothing more to say of a place that was found to lead nowhere.
  const leads = new Uint8Array((a.length + 1) * width);
  for (let i = a.length; i >= 0; i--)
    for (let j = b.length; j >= 0; j--) leads[i * width + j] = canGoOn(a, b, i, j, leads) ? 1 : 0;
  return leads[0] ? spell(a, b, leads) : undefined;
}

function canGoOn(a: string, b: string, i: number, j: number, leads: Uint8Array): boolean {
  const width = b.length + 1;
  const there = (di: number, dj: number) => leads[(i + di) * width + j + dj] === 1;
  if (i === a.length && j === b.length) return true;
  if (a[i] === '*') return there(1, 0) || (j < b.length && there(0, 1));
  if (b[j] === '*') return there(0, 1) || (i < a.length && there(1, 0));
  return i < a.length && j < b.length && a[i] === b[j] && there(1, 1);
}

/** Walks from place to place that leads on, and says what is passed. */
function spell(a: string, b: string, leads: Uint8Array): string {
  const width = b.length + 1;
  const on = (i: number, j: number) => i <= a.length && j <= b.length && leads[i * width + j] === 1;
  let [i, j, name] = [0, 0, ''];
  while (i < a.length || j < b.length) {
    if (a[i] === '*' && on(i + 1, j)) i++;
    else if (b[j] === '*' && on(i, j + 1)) j++;
    else if (a[i] === '*') name += literal(b[j++]);
    else if (b[j] === '*') name += literal(a[i++]);
    else {
      name += literal(a[i++]);
      j++;
    }
  }
  return name;
}

function literal(character: string | undefined): string {
  return character === undefined || character === '*' ? '' : character;
}
