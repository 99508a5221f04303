import { digestOf } from '@gatehouse/canonical';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUILT_IN_POLICY,
  checkCases,
  diff,
  draftOf,
  PolicyRefused,
  POLICY_SCHEMA,
  readPolicy,
  policyOf,
} from './index';
import { TYPES, VARIABLES } from './cel-variables';
import { checkPolicy } from './check';
import { parseYaml } from './yaml';

export const HIGH_RISK = `
policy: high-risk
models: ["fraud-*", "credit-*"]
fourEyes: true                     # who activates a version of this policy is not who wrote it
register:
  require: [changelog, datasets, code]
  rules:
    - name: every training set has a digest
      expr: manifest.datasets.filter(d, d.role == "training").all(d, has(d.digest))
staging:
  suites:
    - suite: holdout-*
      maxAge: P7D
      metrics:
        f1:             { min: 0.90, maxRegression: 0.01 }
        latency_p95_ms: { max: 50 }
production:
  approvals:
    - { capacity: tech-lead, count: 1 }
    - { capacity: risk-officer, count: 1 }
  approvalsValidFor: P14D
  soak: PT24H                      # time in STAGING before promotion
  freeze:
    - { from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00Z, reason: year end }
    - { weekly: "Fri 16:00 - Mon 08:00", zone: Europe/London, reason: weekend }
  rules:
    - name: no critical gap against live
      expr: deltas.all(d, d.delta >= -0.02)
breakGlass: { capacity: on-call-lead, reviewWithin: PT24H }
deprecation: { notice: P30D }
`;

const refusals = (text: string): string[] => {
  try {
    readPolicy(text);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyRefused)) throw error;
    return error.errors.map(({ pointer, message }) => `${pointer} ${message}`);
  }
};
const small = (more: string) => `policy: p\nmodels: [a]\n${more}`;

it('the built-in policy is a document of the language, and its digest is what events have said all along', () => {
  const { ref, document } = BUILT_IN_POLICY;
  expect(ref).toEqual({
    name: 'built-in',
    version: 1,
    digest: 'sha256:55799e05d986e70b993f1e6462494361e29805f2e968b82a1bb2bd6e64f4f7d3',
  });
  expect(checkPolicy({ ...document, policy: 'other' })).toBeTruthy();
  expect(refusals('policy: built-in\nmodels: ["*"]')).toEqual([
    '/policy is the name of the policy that is built in; choose another',
  ]);
});

it('takes the policy of the documentation, in YAML and in JSON alike', () => {
  const { document, digest } = readPolicy(HIGH_RISK);
  expect(document).toMatchObject({ policy: 'high-risk', production: { soak: 'PT24H' } });
  expect(readPolicy(JSON.stringify(document))).toEqual({ document, digest });
  expect(digest).toBe(digestOf(document));
});

describe('YAML', () => {
  it.each([
    ['a: 1\na: 2', '/a the name is there twice'],
    ['{"a": 1, "a": 2}', '/a the name is there twice'],
    ['a: &x 1', '/a has an anchor; leave it out'],
    ['a: &x 1\nb: *x', '/a has an anchor; leave it out'],
    ['a: !!set {x}', '/a has a tag; leave it out'],
    ['a: !js/function f', '/a has a tag; leave it out'],
    ['1: a', ' has a key that is not plain text; put it in quotes'],
    ['__proto__: {a: 1}', '/__proto__ the name __proto__ is reserved: choose another'],
    ['a: 9007199254740993', '/a write the number as JSON does'],
    ['a: 0x10', '/a write the number as JSON does'],
    ['a: .inf', '/a write the number as JSON does'],
    ['a: 0.1000000000000000055', '/a write the number as JSON does'],
    ['---\na: 1\n---\nb: 1', ' is not valid YAML'],
    ['a: "\\0"', '/a contains the character NUL'],
    ['%TAG ! tag:x,2000:\n---\na: !b c', '/a has a tag; leave it out'],
    ['a: [', ' is not valid YAML'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseYaml(text)).toThrow(PolicyRefused);
    try {
      parseYaml(text);
    } catch (error) {
      const [{ pointer, message }] = (error as PolicyRefused).errors as [
        { pointer: string; message: string },
      ];
      expect(`${pointer} ${message}`).toContain(why);
    }
  });

  it('keeps instants, durations and versions as the text they are', () => {
    expect(parseYaml('a: 2026-12-20T00:00:00Z\nb: P7D\nc: 0.90\nd: yes\ne: ~')).toEqual({
      a: '2026-12-20T00:00:00Z',
      b: 'P7D',
      c: 0.9,
      d: 'yes',
      e: null,
    });
  });
});

describe('what is checked', () => {
  it.each([
    ['models: []', '/policy must be there'],
    [small('nope: 1'), '/nope is not known here'],
    [small('production: {soak: P1Y}'), '/production/soak must match pattern'],
    [small('production: {soak: P}'), '/production/soak must be an ISO 8601 duration'],
    [small('production: {soak: PT0S}'), '/production/soak must be an ISO 8601 duration'],
    [
      small('staging: {suites: [{suite: a, maxAge: PT}]}'),
      '/staging/suites/0/maxAge must be an ISO 8601 duration',
    ],
    [
      small('staging: {suites: [{suite: a, metrics: {m: {min: 2, max: 1}}}]}'),
      '/metrics/m/min must not be above max',
    ],
    [
      small('staging: {suites: [{suite: a, metrics: {m: {maxRegression: 1}}}]}'),
      '/metrics/m/better must say higher',
    ],
    [
      small('staging: {suites: [{suite: a, metrics: {m: {better: lower}}}]}'),
      '/metrics/m must have at least one',
    ],
    [
      small('production: {freeze: [{weekly: "Fri 16:00 - Mon 08:00", zone: Mars/Base, reason: x}]}'),
      '/0/zone must be an IANA',
    ],
    [
      small('production: {freeze: [{weekly: "Fri 16:00 - Fri 16:00", zone: UTC, reason: x}]}'),
      '/0/weekly must not end where',
    ],
    [
      small('production: {freeze: [{weekly: "Fri 25:00 - Mon 08:00", zone: UTC, reason: x}]}'),
      '/0/weekly must match',
    ],
    [
      small('production: {freeze: [{from: 2026-02-01T00:00:00Z, to: 2026-01-01T00:00:00Z, reason: x}]}'),
      '/0/to must be after from',
    ],
    [
      small('production: {freeze: [{from: 2026-13-01T00:00:00Z, to: 2027-01-01T00:00:00Z, reason: x}]}'),
      '/0/from must be an instant',
    ],
    [
      small('production: {freeze: [{from: 2026-11-31T00:00:00Z, to: 2027-02-30T00:00:00Z, reason: x}]}'),
      '/0/from must be an instant (RFC 3339) that there is\n/production/freeze/0/to must be an instant',
    ],
    [
      small('production: {freeze: [{from: 2026-02-28T24:00:00Z, to: 2027-01-01T00:00:00Z, reason: x}]}'),
      '/0/from must be an instant',
    ],
    [
      small('production: {freeze: [{weekly: "Fri 16:00 - Fri 16:00", zone: Mars/Base, reason: x}]}'),
      '/0/weekly must not end where it begins\n/production/freeze/0/zone must be an IANA',
    ],
    [small('production: {freeze: [{reason: x}]}'), '/0 must have either'],
    [small('production: {approvals: [{count: 0}]}'), '/production/approvals/0/count must be >= 1'],
    [
      small('production: {approvals: [{count: 1}, {count: 2}]}'),
      '/production/approvals/1 names a capacity twice',
    ],
    [
      small('production: {approvals: [{count: 1}, {count: 2}, {count: 3}]}'),
      '/production/approvals/2 names a capacity twice',
    ],
    [small('register: {require: [salary]}'), '/register/require/0 must be one of label'],
    ['policy: p\nmodels: ["../x"]', '/models/0 must match pattern'],
  ])('%j: %s', (text, why) => {
    expect(refusals(text).join('\n')).toContain(why);
  });

  it.each([
    ['manifest.nope == "x"', 'No such key: nope'],
    ['nobody == "x"', 'Unknown variable: nobody'],
    ['deltas.all(d, d.delta >= 0.0)', 'Unknown variable: deltas'],
    ['model', 'is a string, not a bool'],
    ['model.matches("(a+)+$")', 'matches() is not taken'],
    ['manifest.datasets.all(d, d.name.matches("x"))', 'matches() is not taken'],
    ['manifest.constructor == "x"', 'No such key'],
    ['cel.bind(a, model, a == a)', 'bind() is not taken'],
    [
      'manifest.datasets.all(a, manifest.datasets.all(b, manifest.datasets.all(c, a == c)))',
      'more than 2 deep',
    ],
    [
      'model + model + model + model + model + model + model + model + model + model == ""',
      'adds more than 8',
    ],
    ['version.number + 1 > 2.0', 'no such overload: double + int'],
    ['1 +', 'Unexpected token'],
    ['b"a" == b"b" && bytes(model).json() == {}', 'is not taken'],
  ])('a registration rule %j: %s', (expr, why) => {
    expect(refusals(small(`register: {rules: [{name: r, expr: ${JSON.stringify(expr)}}]}`)).join()).toContain(
      why,
    );
  });
});

describe('an expression', () => {
  const says = (expr: string, variables: object) => {
    const { document } = readPolicy(small(`production: {rules: [{name: r, expr: ${JSON.stringify(expr)}}]}`));
    return policyOf({ name: 'p', version: 1, digest: '' }, document).evaluate(expr, { ...variables });
  };
  const set = { name: 'a', role: 'training', digest: 'sha256:1', size: 12 };

  it.each<[string, object, boolean]>([
    [
      'manifest.datasets.filter(d, d.role == "training").all(d, has(d.digest))',
      { manifest: { datasets: [set] } },
      true,
    ],
    ['manifest.datasets.all(d, has(d.license))', { manifest: { datasets: [set] } }, false],
    ['manifest.datasets[0].size >= 12', { manifest: { datasets: [set] } }, true],
    ['manifest.config.threshold > 0.5', { manifest: { config: { threshold: 0.62 } } }, true],
    [
      'deltas.all(d, d.delta >= -0.02)',
      { deltas: [{ suite: 's', metric: 'f1', live: 1, delta: -0.03 }] },
      false,
    ],
    ['metrics["holdout"]["f1"] > 0.9', { metrics: { holdout: { f1: 0.91 } } }, true],
    [
      'now - evaluations[0].at < duration("24h")',
      { now: '2026-03-02T00:00:00Z', evaluations: [{ at: '2026-03-01T12:00:00Z' }] },
      true,
    ],
    ['now.getDayOfWeek() != 0', { now: '2026-03-01T00:00:00Z' }, false],
    [
      'approvals.exists(a, "dpo" in a.capacities && a.by != promoter)',
      { approvals: [{ by: 'ann', capacities: ['dpo'] }], promoter: 'bob' },
      true,
    ],
    [
      'int("-12") == -12 && double(manifest.run) == 1500.0 && double(".5") < 1.0',
      { manifest: { run: '1.5e3' } },
      true,
    ],
    [
      'timestamp("2028-02-29T23:59:59+01:00") > now && metrics.h.f1 / 2.0 + 1.0 > 1.4',
      { now: '2026-03-04T00:00:00Z', metrics: { h: { f1: 0.9 } } },
      true,
    ],
    ['true || 0.0 / 0.0 > 1.0', {}, true],
    ['has(version.label) && version.number > 1.5', { version: { number: 2, label: '1.0' } }, true],
  ])('%s', (expr, variables, holds) => {
    expect(says(expr, variables)).toEqual({ holds });
  });

  it.each<[string, object]>([
    ['manifest.datasets.all(d, d.size > 1.0)', { manifest: { datasets: [{ name: 'a' }] } }],
    ['manifest.datasets.all(d, has(d.digest))', { manifest: {} }],
    ['metrics["nope"]["f1"] > 0.9', { metrics: {} }],
    ['manifest.config.threshold > 0.5', { manifest: { config: { threshold: 'high' } } }],
    ['manifest.config.__proto__ == manifest.config.__proto__', { manifest: { config: {} } }],
    ['manifest.config.constructor == "x"', { manifest: { config: {} } }],
    ['version.number / 0.0 > 1.0 && 1 / 0 > 1', { version: { number: 1 } }],
    ['int(manifest.config.risk) <= 3', { manifest: { config: { risk: '' } } }],
    ['int(manifest.config.risk) <= 5', { manifest: { config: { risk: '0b101' } } }],
    ['int(manifest.run) <= 3', { manifest: { run: ' ' } }],
    ['double(manifest.run) <= 16.0', { manifest: { run: '0x10' } }],
    ['!(double(manifest.config.risk) > 3.0)', { manifest: { config: { risk: 'NaN' } } }],
    ['double(manifest.config.risk) > 3.0', { manifest: { config: { risk: 'Infinity' } } }],
    ['double(manifest.config.risk) > 3.0', { manifest: { config: { risk: '1e400' } } }],
    ['timestamp("2026-02-30T00:00:00Z") <= now', { now: '2026-03-04T00:00:00Z' }],
    [
      'timestamp(manifest.run) <= now',
      { manifest: { run: '2026-01-01T00:00:00.5' }, now: '2026-03-04T00:00:00Z' },
    ],
    ['!(now + duration("2540400000h") > now)', { now: '2026-03-04T00:00:00Z' }],
    ['!(metrics.h.errors / metrics.h.total > 0.05)', { metrics: { h: { errors: 0, total: 0 } } }],
    ['metrics.h.errors / metrics.h.total > 0.05 ? false : true', { metrics: { h: { errors: 0, total: 0 } } }],
    ['metrics.h.errors / metrics.h.total > 0.05', { metrics: { h: { errors: 1, total: 0 } } }],
    ['!(metrics.h.a * metrics.h.a - metrics.h.a * metrics.h.a > 0.0)', { metrics: { h: { a: 1e200 } } }],
    [
      'evaluations.exists(e, !(e.metrics["a"] / e.metrics["b"] > 0.5))',
      { evaluations: [{ metrics: { a: 0, b: 0 } }] },
    ],
    ['[0.0].map(x, x / x).exists(x, !(x > 1.0))', {}],
    ['[0.0].filter(x, !(x / x > 1.0)).size() == 1', {}],
    ['metrics.h[string(int(manifest.run))] > 0.0', { metrics: { h: { '0': 1 } }, manifest: { run: '' } }],
    ['{"a": 0.0 / 0.0}["a"] != 1.0 && [0.0 / 0.0][0] != 1.0', {}],
  ])('%s says nothing where something is missing or wrong', (expr, variables) => {
    expect(says(expr, variables)).toHaveProperty('because');
  });

  it('says nothing where there is too much to look through, and says so soon', () => {
    const config = { list: Array.from({ length: 20_000 }, (_, i) => i) };
    const times = [1, 2, 3, 4, 5].map(() => {
      const start = performance.now();
      const opinion = says('manifest.config.list.all(a, manifest.config.list.all(b, a <= b + 1.0))', {
        manifest: { config },
      });
      expect(opinion).toEqual({ because: 'there is too much here to look through' });
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});

it('docs/policies.md says which variables there are, and of which types', () => {
  const page = readFileSync(join(__dirname, '../../../docs/policies.md'), 'utf8');
  const rows = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  const cells = (name: string) => rows.find((row) => row[1] === name)?.slice(2, 4);
  for (const [name, type] of Object.entries(VARIABLES.production))
    expect([name, cells(name)]).toEqual([name, [type, name in VARIABLES.register ? 'yes' : '']]);
  for (const [name, { fields }] of Object.entries(TYPES))
    expect([name, cells(name)?.[0]]).toEqual([
      name,
      Object.entries(fields)
        .map(([field, type]) => `${field}: ${type}`)
        .join(', '),
    ]);
});

it('docs/policies.md shows a policy that is taken, and a case that is one', () => {
  const page = readFileSync(join(__dirname, '../../../docs/policies.md'), 'utf8');
  const [document, cases] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);
  expect(readPolicy(document!).document).toEqual(readPolicy(HIGH_RISK).document);
  expect(checkCases(parseYaml(cases!)).cases).toHaveLength(1);
});

describe('a weekly freeze', () => {
  const weekly = 'Fri 16:00 - Mon 08:00';
  it.each([
    ['Europe/London', '2026-03-27T15:59:59Z', false],
    ['Europe/London', '2026-03-27T16:00:00Z', true],
    // The clocks go forward on Sunday 29 March: on Monday 08:00 in London is 07:00 UTC.
    ['Europe/London', '2026-03-30T06:59:59Z', true],
    ['Europe/London', '2026-03-30T07:00:00Z', false],
    ['Europe/London', '2026-04-03T14:59:59Z', false],
    ['Europe/London', '2026-04-03T15:00:00Z', true],
    // And back on Sunday 25 October.
    ['Europe/London', '2026-10-26T07:59:59Z', true],
    ['Europe/London', '2026-10-26T08:00:00Z', false],
    ['Pacific/Auckland', '2026-03-27T02:59:59Z', false],
    ['Pacific/Auckland', '2026-03-27T03:00:00Z', true],
  ])('in %s at %s: %s', (zone, instant, frozen) => {
    expect(BUILT_IN_POLICY.inWeek(weekly, zone, instant)).toBe(frozen);
  });

  it('that can no longer be read freezes', () => {
    expect(BUILT_IN_POLICY.inWeek('whenever', 'UTC', '2026-03-27T02:59:59Z')).toBe(true);
    expect(BUILT_IN_POLICY.inWeek(weekly, 'Gone/Zone', '2026-03-25T02:59:59Z')).toBe(true);
  });
});

it('takes 200 bounds in all suites together, each min, max and maxRegression one, and no more; 32 KiB are bytes', () => {
  const bounds = (count: number, bound: object) => ({
    suite: '*',
    metrics: Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, bound])),
  });
  const asking = (...suites: object[]) => JSON.stringify({ policy: 'p', models: ['a'], staging: { suites } });
  expect(refusals(asking(bounds(60, { min: 0, max: 1 }), bounds(80, { min: 0 })))).toEqual([]);
  expect(refusals(asking(bounds(60, { min: 0, max: 1 }), bounds(81, { min: 0 })))).toEqual([
    '/staging/suites have 201 bounds together; the most is 200',
  ]);
  const rules = Array.from({ length: 25 }, (_, n) => ({
    name: `r${n}`,
    expr: `model == "${'語'.repeat(900)}"`,
  }));
  expect(() => draftOf({ policy: 'p', models: ['a'], production: { rules } })).toThrow(
    'is larger than 32 KiB',
  );
});

it('names a capacity of 64 characters, as it can be granted, and no longer one', () => {
  const asking = (length: number) =>
    small(`production: {approvals: [{count: 1, capacity: ${'c'.repeat(length)}}]}`);
  expect(refusals(asking(64))).toEqual([]);
  expect(refusals(asking(65))).toHaveLength(1);
});

it('a diff names every place that differs', () => {
  const before = readPolicy(HIGH_RISK).document;
  const after = readPolicy(HIGH_RISK.replace('PT24H   ', 'PT48H   ').replace('fourEyes: true', '')).document;
  expect(diff(before, after)).toEqual([
    { pointer: '/fourEyes', before: true },
    { pointer: '/production/soak', before: 'PT24H', after: 'PT48H' },
  ]);
  expect(diff(before, before)).toEqual([]);
});

it('the schema that is published is the one that is checked', () => {
  expect(POLICY_SCHEMA).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
});
