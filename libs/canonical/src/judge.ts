/** JSON nests this deep at most: `[]` is 1, `[[]]` is 2. */
export const MAX_DEPTH = 16;

// With the u flag a pair is one code point, so this finds lone surrogates only.
const LONE_SURROGATE = /\p{Surrogate}/u;
// Normalising a run of n combining marks takes n² steps (120 KB of them: 12 s), so runs are cut where Unicode's
// stream-safe text format (UAX #15, section 13) cuts them.
const TOO_MANY_MARKS = /\p{M}{31}/u;
const ASCII = /^[\0-\x7f]*$/;

// The names every JavaScript object inherits. `__proto__` would set a prototype; the others, tried with class-transformer
// 0.5.1, end in a TypeError (`constructor`) or are dropped in silence (`toString`, `valueOf` …): an answer 500, or a
// manifest that is not what was sent. A list of ours, so that it is the same on every release of Node. `prototype` and
// `then` pass through unharmed.
const RESERVED: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'toString',
  'valueOf',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
]);

/** Why this string cannot be kept, or undefined. */
export function whyNotString(text: string): string | undefined {
  if (text.includes('\0')) return 'contains the character NUL (U+0000)';
  if (LONE_SURROGATE.test(text)) return 'contains a lone surrogate: it is not Unicode text';
  return undefined;
}

/** Whether a name is in normalisation form C, so that what looks the same is the same. */
export function isNfc(name: string): boolean {
  return ASCII.test(name) || (!TOO_MANY_MARKS.test(name) && name.normalize('NFC') === name);
}

/** Why this cannot be the name of a member, or undefined. */
export function whyNotName(name: string): string | undefined {
  if (RESERVED.has(name)) return `the name ${name} is reserved: choose another`;
  const why = whyNotString(name);
  if (why !== undefined) return `the name ${why}`;
  if (!isNfc(name)) return 'the name is not in Unicode normalisation form C (NFC)';
  return undefined;
}

/** Why this number cannot be kept exactly by everyone who reads it, or undefined. */
export function whyNotNumber(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'is not a finite number';
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return 'is an integer beyond 2^53 - 1, which not every reader keeps exactly: send it as a string';
  return undefined;
}

export const TOO_DEEP = (depth: number): string => `is nested deeper than ${depth}`;
