import fc from 'fast-check';
import {
  canonicalJson,
  canonicalManifest,
  checkJson,
  digestOf,
  isNfc,
  JsonRefused,
  parseJson,
  shortHash,
  uuidV5,
} from './index';

/** JSON as we take it: names in NFC, whole text, numbers that everyone keeps. */
const name = fc
  .string({ unit: 'binary', maxLength: 8 })
  .map((text) => text.normalize('NFC'))
  .filter((text) => checkJson({ [text]: 1 }) === undefined && text !== '__proto__');
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((n) => checkJson(n) === undefined && !Object.is(n, -0)),
  fc.string({ unit: 'binary' }).filter((text) => checkJson(text) === undefined),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 6, depthSize: 'medium' },
    leaf,
    fc.array(tie('json'), { maxLength: 5 }),
    fc.dictionary(name, tie('json'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** The same value with the members of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, turned(inner)]),
  );
}

describe('canonical JSON', () => {
  test('reads back as the same value', () => {
    fc.assert(fc.property(json, (value) => expect(parseJson(canonicalJson(value))).toEqual(value)));
  });

  test('is the same in whatever order the members came', () => {
    fc.assert(fc.property(json, (value) => expect(canonicalJson(turned(value))).toBe(canonicalJson(value))));
  });

  test('of what was read from it is itself', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(parseJson(text))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test('skips members that are undefined, and is a TypeError for what has no JSON form', () => {
    expect(canonicalJson({ b: 1, a: undefined })).toBe('{"b":1}');
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
    expect(() => canonicalJson(() => 1)).toThrow(TypeError);
    expect(() => canonicalJson(NaN)).toThrow();
  });
});

describe('parseJson', () => {
  test('takes only what JSON.parse takes, and gives what it gives', () => {
    const near = fc.array(
      fc.constantFrom(...'{}[]:,"\\ \t-+.eE0123456789truefalsn\u0000é'.split(''), '"a"', '1.5', '\\u00e9'),
      { maxLength: 24 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          near.map((parts) => parts.join('')),
          json.map((value) => JSON.stringify(value, null, 1)),
        ),
        (text) => {
          let value: unknown;
          try {
            value = parseJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(JsonRefused);
            return;
          }
          expect(canonicalJson(value)).toBe(canonicalJson(JSON.parse(text)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('never takes what checkJson refuses, and both point at the same place', () => {
    const odd = fc.constantFrom<unknown>(
      '\ud800',
      'a\0',
      2 ** 53,
      1e21,
      { constructor: 1 },
      { 'e\u0301': 1 },
      [{ toString: 1 }],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(json, odd), { minLength: 1, maxLength: 4 }), (value) => {
        const problem = checkJson(value);
        const parse = (): unknown => parseJson(JSON.stringify(value));
        if (problem === undefined) expect(canonicalJson(parse())).toBe(canonicalJson(value));
        else
          expect(parse).toThrow(
            expect.objectContaining({ name: 'JsonRefused', pointer: problem.pointer }) as Error,
          );
      }),
    );
  });

  test('takes a number exactly when its decimal value stays', () => {
    // Decimal, said another way: both as integers over the same power of ten.
    const scaled = (text: string): bigint => {
      const [, sign = '', whole = '', fraction = '', power = '0'] =
        /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
      return BigInt(sign + whole + fraction) * 10n ** BigInt(60 + Number(power) - fraction.length);
    };
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,4})(\.\d{1,20})?([eE][+-]?[0-9])?$/);
    fc.assert(
      fc.property(digits, (text) => {
        const exact = scaled(text) === scaled(String(Number(text)));
        if (exact) expect(parseJson(text)).toBe(Number(text) === 0 ? 0 : Number(text));
        else expect(() => parseJson(text)).toThrow(JsonRefused);
      }),
      { numRuns: 2000 },
    );
  });

  test('reads -0 as 0, which is how it is printed', () => {
    expect(Object.is(parseJson('-0'), 0)).toBe(true);
  });

  test('touches no prototype', () => {
    expect(() => parseJson('{"__proto__":{"polluted":1}}')).toThrow(JsonRefused);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('points nowhere longer than 1,000 characters, and always with whole text', () => {
    const long = 'x'.repeat(600);
    const refusal = (text: string): unknown => {
      try {
        return parseJson(text);
      } catch (error) {
        return (error as JsonRefused).pointer;
      }
    };
    expect(refusal(`{"${long}":{"${long}":NaN}}`)).toBe(`/${long}`);
    expect(refusal('{"\\ud800":1}')).toBe('/\ufffd');
  });
});

describe('checkJson', () => {
  test.each([NaN, Infinity, -Infinity, undefined, 1n, Symbol('x'), () => 1])(
    'refuses %p as an item',
    (value) => {
      expect(checkJson({ a: [value] })?.pointer).toBe('/a/0');
    },
  );

  test('takes a member that is undefined as absent', () => {
    expect(checkJson({ a: undefined })).toBeUndefined();
  });

  test('ends on a value that contains itself', () => {
    const ring: unknown[] = [];
    ring.push(ring);
    expect(checkJson(ring)?.message).toMatch(/deeper than 16/);
  });

  test('refuses an own member named __proto__', () => {
    expect(checkJson(JSON.parse('{"a":{"__proto__":1}}'))?.pointer).toBe('/a/__proto__');
  });
});

describe('canonicalManifest', () => {
  class Dto {
    config = { a: 1 };
    run = undefined;
  }

  test('gives plain objects, also for an instance of a class', () => {
    const canonical = canonicalManifest(new Dto());
    expect(Object.getPrototypeOf(canonical)).toBe(Object.prototype);
    expect(canonical).toStrictEqual({ config: { a: 1 } });
  });

  test('refuses an array', () => {
    expect(() => canonicalManifest([])).toThrow(JsonRefused);
  });

  test('takes as free only what is free at the top', () => {
    const inner = { name: 'x', config: { a: null, $b: 1 } };
    expect(canonicalManifest({ datasets: [inner], config: 1 })).toEqual({
      datasets: [{ name: 'x', config: { $b: 1 } }],
      config: 1,
    });
  });

  test('gives one digest whatever empties are added', () => {
    const member = fc.constantFrom('code', 'framework', 'run', 'parent', 'datasets', 'prompt', 'retrieval');
    const empty = fc.constantFrom<unknown>(null, '', [], {}, undefined);
    fc.assert(
      fc.property(fc.dictionary(member, empty), (empties) => {
        expect(digestOf(canonicalManifest({ ...empties, config: { a: [] } }))).toBe(
          digestOf({ config: { a: [] } }),
        );
      }),
    );
  });
});

describe('ids and hashes', () => {
  // NOTE: stored format. These values are in logs out there.
  test('do not change from release to release', () => {
    expect(uuidV5('x')).toBe('f74e5cfc-a801-5d10-a03c-f9acbd111fc5');
    expect(shortHash(['a'])).toBe('0eb5b8d6f81bc677da8a08567cc4fa9a');
    expect(digestOf({})).toBe('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });

  test('a UUID is version 5 of the RFC 9562 variant', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        expect(uuidV5(text)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      ),
    );
  });

  test('a short hash tells apart where one part ends', () => {
    expect(
      new Set([['a', 'bc'], ['ab', 'c'], ['abc'], ['a,bc'], ['a', 'bc', ''], ['a","bc']].map(shortHash)).size,
    ).toBe(6);
  });

  test('names are NFC or not', () => {
    expect([isNfc('é'), isNfc('e\u0301'), isNfc('plain')]).toEqual([true, false, true]);
  });
});
