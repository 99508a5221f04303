import { checkJson, parseJson } from './index';

const KIB_256 = 256 * 1024;
const many = (items: number, item: (i: number) => string): string =>
  Array.from({ length: items }, (_, i) => item(i)).join(',');

// Each of these is a body within the limit that takes n² steps, or the whole stack, where one is careless.
const HOSTILE: Record<string, string> = {
  'opening brackets': '['.repeat(KIB_256),
  'opening objects': '{"a":'.repeat(KIB_256 / 5),
  'one long string': `"${'x'.repeat(KIB_256)}"`,
  'a string without an end': `"${'x'.repeat(KIB_256)}`,
  'backslashes only': `"${'\\'.repeat(KIB_256)}`,
  escapes: `"${'\\u0041'.repeat(KIB_256 / 6)}"`,
  'lone surrogates': `"${'\ud800'.repeat(KIB_256)}"`,
  'many digits': '1'.repeat(KIB_256),
  'zeros and a one': `0.${'0'.repeat(KIB_256)}1`,
  'a one, zeros and a one': `0.1${'0'.repeat(KIB_256)}1`,
  'a long exponent': `1e${'9'.repeat(KIB_256)}`,
  'blank space': ' '.repeat(KIB_256),
  'a name of combining marks in the wrong order': `{"a${'\u0301'.repeat(60_000)}${'\u0323'.repeat(60_000)}":1}`,
  'names with runs of combining marks': `{${many(4000, (i) => `"${i}a${'\u0323'.repeat(12)}${'\u0301'.repeat(12)}":1`)}}`,
  'a name of slashes, twice': `{"${'/'.repeat(KIB_256 / 2)}":1,"${'/'.repeat(KIB_256 / 2)}":1}`,
  '30,000 names': `{${many(30_000, (i) => `"${i.toString(36)}":1`)}}`,
  '30,000 names that are numbers': `{${many(30_000, (i) => `"${(i * 2_654_435_761) % 4_294_967_295}":1`)}}`,
  '60,000 numbers': `[${many(60_000, () => '1.5')}]`,
};

describe('hostile JSON', () => {
  // Processor time, as the machine may be busy. The slowest takes some 20 ms by itself; what is quadratic takes many seconds.
  test.each(Object.entries(HOSTILE))('takes no n² steps: %s', (_, text) => {
    const start = process.cpuUsage();
    try {
      checkJson(parseJson(text));
    } catch (error) {
      expect((error as Error).name).toBe('JsonRefused');
    }
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(1500);
  });

  test('a label does not keep the whole body in memory', () => {
    const kept: unknown[] = [];
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 400; i += 1)
      kept.push(
        (parseJson(`{"label":"release candidate ${i}","rest":"${'x'.repeat(KIB_256)}"}`) as { label: string })
          .label,
      );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 1024 * 1024);
    expect(kept).toHaveLength(400);
  });
});
