import type { Command } from './commands';
import type { Bound, Promoted } from './events';
import { tryPromotion } from './explain';
import type { PolicyDocument } from './policy-document';
import { LIMITS } from './refusals';
import { ANN, BOB, CI, digest, policyOf, say, Scenario } from './testing/scenario';

// How many bounds a policy and the evaluations have together, and what a promotion can keep of them.

const EVENT = 512 * 1024;
/** What surrounds the data of an event is smaller. */
const AROUND = 4 * 1024;
const name = (prefix: string, n: number, length: number) => `${prefix}${n}-`.padEnd(length, 'x');

type Size = {
  readonly suites: number;
  readonly metrics: number;
  readonly patterns: number;
  /** Of each pattern. */
  readonly bounds: number;
  readonly length?: number;
  readonly bound?: Bound;
  /** Metrics of each suite that what is live did not measure. */
  readonly unknown?: number;
  readonly declared?: boolean;
  readonly more?: Partial<PolicyDocument>;
};

const numbers = (count: number, length: number, from = 0) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [name('m', n + from, length), -(n + 1) / 7e-101]),
  );

function policyOfSize({ patterns, bounds, length = 8, bound = { max: 1.234567890123456e200 }, more }: Size) {
  const metrics = Object.fromEntries(Array.from({ length: bounds }, (_, n) => [name('m', n, length), bound]));
  const suites = Array.from({ length: patterns }, () => ({ suite: '*', metrics }));
  return policyOf({ policy: 'p', models: ['*'], staging: { suites }, ...more });
}

/** The second version is approved; the first is live, and was measured by the same suites. */
function judged(size: Size): Scenario {
  const { suites, metrics, length = 8, unknown = 0, declared = false } = size;
  const scenario = new Scenario();
  const evaluated = (version: number, measured: Record<string, number>, declares: boolean) => {
    for (let s = 0; s < suites; s++) {
      const any = Object.keys(measured).slice(0, declares ? metrics : 1);
      const bound = { maxRegression: 1.234567890123456e200, better: 'lower' as const };
      const data = {
        version,
        suite: name('s', s, length),
        dataset: { name: 'd' },
        metrics: measured,
        thresholds: Object.fromEntries(any.map((one) => [one, bound])),
      };
      scenario.given(CI, { verb: 'evaluate', data });
    }
  };
  scenario.given(CI, say.register('v1'));
  evaluated(1, numbers(metrics - unknown, length, unknown), false);
  scenario.given(ANN, say.decide(1)).given(BOB, say.promote(1)).given(CI, say.register('v2'));
  evaluated(2, numbers(metrics, length), declared);
  scenario.given(ANN, say.decide(2));
  scenario.policy = policyOfSize(size);
  return scenario;
}

function tried(scenario: Scenario, command = say.promote(2) as Extract<Command, { verb: 'promote' }>) {
  const dry = tryPromotion(scenario.state, command.data, {
    now: scenario.now,
    eventId: 'e',
    actor: BOB,
    model: 'm',
    policy: scenario.policy,
    capacities: [],
    holds: () => true,
    digest,
  });
  const { event, refused } = scenario.when(BOB, command);
  expect([dry.allowed, dry.code]).toEqual([event !== null, refused?.code ?? null]);
  const bytes = event ? Buffer.byteLength(JSON.stringify(event.data)) : 0;
  expect(bytes).toBeLessThan(EVENT - AROUND);
  const open = dry.production.filter(({ verdict }) => verdict !== 'pass');
  return { dry, bytes, open, event, refused };
}

it('judges as many bounds as there may be, and of more than that those of the policy not at all', () => {
  // 50 suites, each of which declares one bound itself.
  const most = { suites: 50, metrics: 20, patterns: 1, bounds: 19 };
  expect(50 * (1 + 19)).toBe(LIMITS.bounds);
  const { event } = tried(judged(most));
  const kept = (event?.data as Promoted).evidence.rules.filter(({ metric }) => metric !== undefined);
  expect(kept).toHaveLength(LIMITS.bounds);

  const { open, refused, dry } = tried(judged({ ...most, bounds: 20 }));
  expect(refused?.code).toBe('gate-not-met');
  expect(open).toEqual([
    expect.objectContaining({
      rule: 'bounds <= 1000',
      required: 1_000,
      observed: 1_050,
      verdict: 'inconclusive',
    }),
  ]);
  expect(dry.production.length + dry.staging.length).toBeLessThan(250);
});

it('an evaluation under a policy from before, with bounds by the thousand, is inconclusive in one rule', () => {
  const scenario = new Scenario().given(CI, say.register('v1'));
  scenario.policy = policyOfSize({ suites: 1, metrics: 1, patterns: 19, bounds: 100 });
  const { event } = scenario.when(CI, say.evaluate(1, 0.95));
  expect(event?.data).toMatchObject({
    passed: false,
    rules: [{ rule: 'f1 >= 0.9' }, { rule: 'bounds <= 1000', observed: 1_901, verdict: 'inconclusive' }],
  });
});

// What is longest: names, numbers, reasons why nothing can be compared, and the texts of the policy.
const LONG: PolicyDocument['production'] = {
  rules: Array.from({ length: 25 }, () => ({ name: 'yes', expr: 'yes' })),
  freeze: Array.from({ length: 50 }, (_, n) => ({
    from: `2027-01-01T00:00:00Z`,
    to: `2027-01-02T00:00:00Z`,
    reason: `${n}`.padEnd(200, '語'),
  })),
};
const LONGEST: Size = {
  suites: 50,
  metrics: 20,
  patterns: 1,
  bounds: 19,
  length: 64,
  more: { production: LONG },
};
const INCOMPARABLE = { maxRegression: 1.234567890123456e200, better: 'lower' } as const;

it.each<[what: string, size: Size, open: string | null]>([
  ['the policy of the review', { suites: 50, metrics: 20, patterns: 6, bounds: 20 }, 'bounds <= 1000'],
  ['as many as there may be, of names of usual length', { ...LONGEST, length: 32 }, null],
  ['the same, of the longest names', LONGEST, null],
  [
    'all of them declared, of the longest names',
    { suites: 50, metrics: 20, patterns: 0, bounds: 0, length: 64, declared: true },
    null,
  ],
  [
    'the longest names, and reasons why nothing can be compared',
    { ...LONGEST, suites: 24, metrics: 41, patterns: 40, bounds: 1, unknown: 1, bound: INCOMPARABLE },
    'evidence <= 496 KiB',
  ],
])('what a promotion keeps fits into its event, and the dry run says the same: %s', (_, size, expected) => {
  const { event, open } = tried(judged(size));
  expect(open.map(({ rule }) => rule)).toEqual(expected === null ? [] : [expected]);
  expect(event?.type).toBe(expected === null ? 'model.Promoted' : undefined);
});

it('a note that has no room beside the evidence is refused, by the dry run too', () => {
  const scenario = judged(LONGEST);
  const noted: Command = { verb: 'promote', data: { version: 2, note: '\u0001'.repeat(10_000) } };
  expect(tried(scenario, noted).refused?.code).toBe('too-many');
  expect(tried(scenario).event?.type).toBe('model.Promoted');
});
