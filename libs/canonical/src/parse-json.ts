import type { JsonLimits } from './check-json';
import { sameDecimal } from './decimal';
import { MAX_DEPTH, TOO_DEEP, whyNotName, whyNotNumber, whyNotString } from './judge';
import { JsonRefused, type Path, pointerOf } from './problem';

/**
 * Strict JSON (RFC 8259) to a value. What it gives, `canonicalJson` prints so that everyone reads the same back. Throws
 * `JsonRefused` at the first of: a syntax error, a duplicate name, a reserved name (`__proto__`, `constructor` …), a name
 * that is not NFC, NUL, a lone surrogate, deeper than 16, an integer beyond 2^53 - 1, a number whose decimal value would
 * change. `-0` is taken as 0, which is how it is printed. Time is linear in the text, whatever it holds.
 */
export function parseJson(text: string, { maxDepth = MAX_DEPTH }: JsonLimits = {}): unknown {
  return new Parser(text, maxDepth).document();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Where a run of ordinary characters in a string ends.
// eslint-disable-next-line no-control-regex -- JSON forbids them raw
const SPECIAL = /["\\\u0000-\u001f]/g;
const LITERALS: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Parser {
  private at = 0;
  private readonly path: Path = [];

  constructor(
    private readonly text: string,
    private readonly maxDepth: number,
  ) {}

  document(): unknown {
    const value = this.value();
    this.skipSpace();
    if (this.at < this.text.length) this.unexpected('the end');
    return value;
  }

  private value(): unknown {
    this.skipSpace();
    const first = this.text[this.at];
    if (first === '{') return this.object();
    if (first === '[') return this.array();
    if (first === '"') return this.judged(this.string(), whyNotString);
    return this.number() ?? this.literal();
  }

  private object(): Record<string, unknown> {
    this.enter();
    const object: Record<string, unknown> = {};
    if (this.skips('}')) return object;
    do {
      this.skipSpace();
      if (this.text[this.at] !== '"') this.unexpected('a name in double quotes');
      const name = this.string();
      this.path.push(name);
      this.judged(name, whyNotName);
      if (Object.hasOwn(object, name)) this.refuse('the name is there twice');
      if (!this.skips(':')) this.unexpected('a colon');
      object[name] = this.value();
      this.path.pop();
    } while (this.skips(','));
    if (!this.skips('}')) this.unexpected('a comma or }');
    return object;
  }

  private array(): unknown[] {
    this.enter();
    const items: unknown[] = [];
    if (this.skips(']')) return items;
    do {
      this.path.push(items.length);
      items.push(this.value());
      this.path.pop();
    } while (this.skips(','));
    if (!this.skips(']')) this.unexpected('a comma or ]');
    return items;
  }

  private enter(): void {
    if (this.path.length >= this.maxDepth) this.refuse(TOO_DEEP(this.maxDepth));
    this.at += 1;
  }

  private string(): string {
    const start = this.at;
    let plain = true;
    SPECIAL.lastIndex = start + 1;
    for (;;) {
      // `test` goes on from lastIndex, so every character is looked at once.
      if (!SPECIAL.test(this.text)) this.refuse('is not valid JSON: a string without an end');
      this.at = SPECIAL.lastIndex;
      const special = this.text[this.at - 1];
      if (special === '"') break;
      if (special !== '\\') this.refuse('is not valid JSON: a control character in a string must be escaped');
      plain = false;
      SPECIAL.lastIndex += 1;
    }
    // V8 copies a slice up to 12 characters; a longer one would keep the whole text in memory for as long as one label
    // lives. JSON.parse always copies.
    if (plain && this.at - start <= 14) return this.text.slice(start + 1, this.at - 1);
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      return this.refuse('is not valid JSON: an unknown escape in a string');
    }
  }

  private literal(): unknown {
    for (const [word, value] of LITERALS)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    return this.unexpected('a value');
  }

  private number(): number | undefined {
    NUMBER.lastIndex = this.at;
    if (!NUMBER.test(this.text)) return undefined;
    const written = this.text.slice(this.at, NUMBER.lastIndex);
    this.at = NUMBER.lastIndex;
    const value = this.judged(Number(written), whyNotNumber);
    if (!sameDecimal(written, value))
      this.refuse(`would be kept as ${value}: send it with fewer digits, or as a string`);
    return value === 0 ? 0 : value;
  }

  /** Whether the next character is this one, and goes past it. */
  private skips(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private judged<T>(value: T, why: (value: T) => string | undefined): T {
    const message = why(value);
    if (message !== undefined) this.refuse(message);
    return value;
  }

  private unexpected(wanted: string): never {
    const found = this.at < this.text.length ? `character ${this.at + 1}` : 'the end of the text';
    return this.refuse(`is not valid JSON: expected ${wanted} at ${found}`);
  }

  private refuse(message: string): never {
    throw new JsonRefused(pointerOf(this.path), message);
  }
}
