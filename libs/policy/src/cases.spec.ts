import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkCases, parseYaml, playCase, policyOf, PolicyRefused, readPolicy, runCase } from './index';

const FOLDER = join(__dirname, '../../../examples/policies');
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.cases.yaml'));

const all = files.flatMap((file) => {
  const { policy, cases } = checkCases(parseYaml(read(file)));
  const { document, digest } = readPolicy(read(policy as string));
  return cases.map((one) => ({
    title: `${document.policy}: ${one.name}`,
    policy: policyOf({ name: document.policy, version: 1, digest }, document),
    one,
  }));
});

it('there are three worked policies', () => expect(files).toHaveLength(3));

it.each(all)('$title', ({ policy, one }) => {
  expect(runCase(policy, one).differences).toEqual([]);
});

it('a case is played in as many steps as there are evaluations: others can have their turn in between', () => {
  const { policy, one } = all[0]!;
  const suites = Array.from({ length: 50 }, (_, n) => `s${n}`);
  const live = Object.fromEntries(suites.map((suite) => [suite, { f1: 0.9 }]));
  const evaluations = suites.map((suite) => ({ suite, metrics: { f1: 0.9 } }));
  expect([...playCase(policy, { ...one, live, evaluations })]).toHaveLength(100);
});

it('a case that is not as expected says in what', () => {
  const { policy, one } = all[0]!;
  const expect_ = { outcome: 'not-approved', rules: { 'no such thing': 'pass' as const }, missing: ['dpo'] };
  const { passed, differences } = runCase(policy, { ...one, expect: expect_ });
  expect(passed).toBe(false);
  expect(differences.map(({ what }) => what)).toEqual(['outcome', 'no such thing', 'missing']);
});

it.each([
  [{ cases: [] }, '/cases'],
  [{ cases: [{ name: 'x', at: '2026-02-30T25:00:00Z', expect: { outcome: 'promoted' } }] }, '/cases/0'],
  [{ cases: [{ name: 'x', at: '2026-02-30T00:00:00Z', expect: { outcome: 'promoted' } }] }, '/cases/0'],
  [{ cases: [{ name: 'x', at: '2026-02-03T00:00:00Z', expect: {} }] }, '/cases/0/expect/outcome'],
  [{ cases: [{ name: 'x', at: '2026-02-03T00:00:00Z', expect: { outcome: 'x' }, who: 1 }] }, '/cases/0/who'],
])('%j is no file of cases', (file, pointer) => {
  try {
    checkCases(file);
    throw new Error('it was taken');
  } catch (error) {
    if (!(error instanceof PolicyRefused)) throw error;
    expect(error.errors[0]?.pointer).toBe(pointer);
  }
});
