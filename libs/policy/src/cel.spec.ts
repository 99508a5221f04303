import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import { compileExpression } from './cel';

// What our evaluator says of an expression is compared with what a second implementation says of it.

type Typed = 'bool' | 'double' | 'string';

const numbers = fc.constantFrom('0.0', '1.0', '-2.5', '0.02', '100.0', 'd.live', 'd.delta');
const outside = fc.constantFrom(
  '1.0',
  '0.5',
  'metrics["s"]["f1"]',
  'metrics["s"]["p95"]',
  'metrics["x"]["f1"]',
  'deltas[0].delta',
  'deltas[9].live',
);
const texts = fc.constantFrom(
  '"f1"',
  '"s"',
  'model',
  'promoter',
  'version.label',
  'version.author',
  'manifest.code.revision',
  'deltas[0].metric',
);

/** Expressions of a type that our language takes, with values that are missing now and then. */
const { bool } = fc.letrec<Record<Typed, string>>((tie) => ({
  double: fc.oneof(
    { depthSize: 'small' },
    outside,
    fc
      .tuple(tie('double'), fc.constantFrom('+', '-', '*', '/'), tie('double'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('bool'), tie('double'), tie('double')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
    tie('string').map((text) => `double(size(${text}))`),
  ),
  string: fc.oneof(
    { depthSize: 'small' },
    texts,
    fc.tuple(tie('string'), tie('string')).map(([a, b]) => `(${a} + ${b})`),
  ),
  bool: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'true',
      'false',
      'has(version.label)',
      'has(version.author)',
      '"f1" in metrics["s"]',
      '"q" in metrics',
    ),
    fc
      .tuple(tie('double'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('double'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('string'), fc.constantFrom('==', '!='), tie('string'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('string'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('string'))
      .map(([a, m, b]) => `${a}.${m}(${b})`),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('bool').map((a) => `!(${a})`),
    fc
      .tuple(
        fc.constantFrom('all', 'exists', 'exists_one'),
        numbers,
        fc.constantFrom('<', '>=', '=='),
        numbers,
      )
      .map(([m, a, op, b]) => `deltas.${m}(d, ${a} ${op} ${b})`),
    fc
      .tuple(numbers, numbers, tie('bool'))
      .map(([a, b, c]) => `deltas.filter(d, ${a} > ${b}).all(d, d.metric == "f1" || ${c})`),
    fc
      .tuple(numbers, numbers)
      .map(([a, b]) => `deltas.map(d, ${a}).exists(x, x < ${b.replace('d.', 'deltas[0].')})`),
  ),
}));

const VALUES = {
  model: 'fraud-eu',
  promoter: 'bob',
  version: { number: 3, digest: 'sha256:1', registrar: 'ci', label: '1.2.0' },
  manifest: { code: { revision: 'f1' } },
  metrics: { s: { f1: 0.91, p95: 41 } },
  deltas: [
    { suite: 's', metric: 'f1', live: 0.9, delta: 0.01 },
    { suite: 's', metric: 'p95', live: 44, delta: -3 },
  ],
};

/** The second opinion; maps are Maps there. */
function second(expr: string): boolean | 'nothing' {
  const said = plan(celEnv(), parse(expr))(asMaps(VALUES) as Record<string, never>);
  return typeof said === 'boolean' && !isCelError(said) ? said : 'nothing';
}

function asMaps(value: unknown, top = true): unknown {
  if (Array.isArray(value)) return value.map((one) => asMaps(one, false));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, asMaps(inner, false)] as const);
  return top ? Object.fromEntries(entries) : new Map(entries);
}

function ours(expr: string): boolean | 'nothing' | 'refused' {
  const compiled = compileExpression('production', expr);
  if ('refused' in compiled) return 'refused';
  // A judgement of its own: what all expressions of one may cost together is bounded.
  const opinion = compiled.run({ ...VALUES });
  if ('holds' in opinion) return opinion.holds;
  return opinion.because.startsWith('there is too much') ? 'refused' : 'nothing';
}

it('says what a second implementation of CEL says, of random expressions', () => {
  const said = { true: 0, false: 0, nothing: 0, refused: 0, divided: 0 };
  fc.assert(
    fc.property(bool, (expr) => {
      const mine = ours(expr);
      said[String(mine) as keyof typeof said]++;
      // Too long, or added to too often: refused before it means anything.
      if (mine === 'refused') return;
      // By ours nothing is said about what comes to no number; by the standard NaN and infinity are compared.
      if (mine === 'nothing' && expr.includes(' / ')) said.divided++;
      else expect([expr, mine]).toEqual([expr, second(expr)]);
    }),
    { numRuns: Math.ceil(5_000 * Number(process.env['GATEHOUSE_TEST_SCALE'] ?? 1)) },
  );
  // Worth something only where all three answers are met, and most are taken.
  expect(Math.min(said.true, said.false, said.nothing - said.divided)).toBeGreaterThan(20);
  expect(said.refused).toBeLessThan((said.true + said.false) / 4);
}, 120_000);
