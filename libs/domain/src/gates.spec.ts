import type { Command } from './commands';
import type { ModelEvent, Promoted, Rule } from './events';
import type { PolicyDocument, SuiteDemand } from './policy-document';
import { ANN, approved, BOB, CI, digest, policyOf, promoted, say, Scenario } from './testing/scenario';

// Every rule of a policy: it lets through when it is met, and refuses, by name, when it is not.

const ZOE = { id: 'zoe', kind: 'user' } as const;
const under = (document: Partial<PolicyDocument>, scenario = new Scenario()): Scenario => {
  scenario.policy = policyOf({ policy: 'p', models: ['*'], ...document });
  return scenario;
};
const glass = (version: number, reason = 'prod is down'): Command => ({
  verb: 'promote',
  data: { version, breakGlass: { reason } },
});
const review = (version: number, verdict: 'justified' | 'not-justified' = 'justified'): Command => ({
  verb: 'review',
  data: { version, verdict },
});
const open = (rules: readonly Rule[] | undefined) =>
  rules?.filter(({ verdict }) => verdict !== 'pass').map(({ rule, verdict }) => `${rule}: ${verdict}`);
const refusal = (scenario: Scenario, command: Command, actor = BOB) => {
  const { refused } = scenario.when(actor, command);
  return { code: refused?.code, open: open(refused?.facts.gate), missing: refused?.facts.missing };
};
const promotion = (scenario: Scenario, command: Command = say.promote(1), actor = BOB): Promoted => {
  const { event, refused } = scenario.when(actor, command);
  if (refused) throw refused;
  return (event as ModelEvent & { type: 'model.Promoted' }).data;
};

describe('register', () => {
  const asks = { register: { require: ['code'], rules: [{ name: 'coded', expr: 'has a code' }] } } as const;

  it('refuses a version that lacks what is required, and says every rule', () => {
    expect(refusal(under(asks), say.register('v1'), CI)).toMatchObject({
      code: 'gate-not-met',
      open: ['code is there: fail', 'coded: fail'],
    });
  });

  it('takes one that has it, and the event keeps the verdicts', () => {
    const command: Command = {
      verb: 'register',
      data: { digest: digest('v1'), changelog: 'x', manifest: { config: 1, code: { revision: 'a' } } },
    };
    const { event } = under(asks).when(CI, command);
    expect(event?.data).toMatchObject({
      rules: [{ verdict: 'pass' }, { verdict: 'pass' }],
      policy: { name: 'p' },
    });
  });

  it('is judged again at the promotion, by the policy in force then, also by break-glass', () => {
    const scenario = under(
      { ...asks, breakGlass: { capacity: 'on-call', reviewWithin: 'PT1H' } },
      approved(1),
    );
    scenario.capacities['bob'] = ['on-call'];
    const refused = { code: 'gate-not-met', open: ['code is there: fail', 'coded: fail'] };
    expect(refusal(scenario, say.promote(1))).toMatchObject(refused);
    expect(refusal(scenario, glass(1))).toMatchObject(refused);
  });

  it('a rule that says nothing is inconclusive, and that is not a pass', () => {
    const scenario = under({ register: { rules: [{ name: 'odd', expr: 'unheard of' }] } });
    expect(refusal(scenario, say.register('v1'), CI)).toMatchObject({ open: ['odd: inconclusive'] });
  });
});

describe('staging', () => {
  const asks = (metrics: SuiteDemand['metrics'], more: Partial<SuiteDemand> = {}) => ({
    staging: { suites: [{ suite: 'hold*', metrics, ...more }] },
  });

  it('asks for a suite by pattern: another one alone does not move the version', () => {
    const scenario = under(asks({})).given(CI, say.register('v1'));
    const other = scenario.when(CI, say.evaluate(1, 0.95, { suite: 'smoke' })).event;
    expect(other?.data).toMatchObject({ passed: true });
    expect(other?.data).not.toHaveProperty('movedTo');
    expect(scenario.when(CI, say.evaluate(1, 0.95)).event?.data).toMatchObject({ movedTo: 'STAGING' });
  });

  it('adds its bounds to those that an evaluation declares, and an easier declaration relaxes nothing', () => {
    const scenario = under(asks({ f1: { min: 0.93 } })).given(CI, say.register('v1'));
    const { event } = scenario.when(CI, say.evaluate(1, 0.92, { bound: { min: 0.5 } }));
    expect(event?.data).toMatchObject({
      passed: false,
      rules: [
        { rule: 'f1 >= 0.5', verdict: 'pass' },
        { rule: 'f1 >= 0.93', verdict: 'fail' },
      ],
    });
    const harder = scenario.when(CI, say.evaluate(1, 0.95, { bound: { min: 0.99 } }));
    expect(harder.event?.data).toMatchObject({ passed: false });
  });

  it('judges by its own bounds an evaluation that declares none; a metric that is not there is inconclusive', () => {
    const scenario = under(asks({ f1: { min: 0.9 }, latency: { max: 50 } })).given(CI, say.register('v1'));
    const command = say.evaluate(1, 0.95, { metrics: { f1: 0.95 } });
    const bare = { ...command, data: { ...command.data, thresholds: {} } } as Command;
    const { event } = scenario.when(CI, bare);
    expect(event?.data).toMatchObject({
      passed: false,
      rules: [{ verdict: 'pass' }, { verdict: 'inconclusive' }],
    });
  });

  it('compares with what is live now, when it promotes', () => {
    const scenario = promoted(1).given(CI, say.register('v2')).given(CI, say.evaluate(2, 0.93));
    scenario.given(ANN, say.decide(2));
    under(asks({ f1: { maxRegression: 0.01, better: 'higher' } }), scenario);
    expect(refusal(scenario, say.promote(2))).toMatchObject({ open: ['f1 regression <= 0.01: fail'] });
  });

  it('refuses an evaluation that has grown older than maxAge, to the millisecond', () => {
    const scenario = under(asks({}, { maxAge: 'P7D' }), approved(1));
    scenario.now = '2026-03-08T12:00:00.001Z';
    expect(refusal(scenario, say.promote(1))).toMatchObject({ open: ['age of hold* <= P7D: fail'] });
    scenario.now = '2026-03-08T12:00:00.000Z';
    expect(promotion(scenario).evidence.rules).toContainEqual({
      rule: 'age of hold* <= P7D',
      suite: 'hold*',
      required: 'P7D',
      observed: 'P7D',
      verdict: 'pass',
    });
  });

  it('asks for as many evaluations as it says', () => {
    const scenario = under({ staging: { evaluations: { min: 2, every: 'passed' } } }, approved(1));
    expect(refusal(scenario, say.promote(1))).toMatchObject({ open: ['evaluations >= 2: fail'] });
  });
});

describe('approvals', () => {
  const asks = {
    production: {
      approvals: [
        { capacity: 'tech-lead', count: 1 },
        { capacity: 'risk-officer', count: 1 },
      ],
    },
  };
  const reviewed = (document: Partial<PolicyDocument>, ann: string[], zoe: string[]): Scenario => {
    const scenario = under(document).given(CI, say.register('v1')).given(CI, say.evaluate(1, 0.95));
    Object.assign(scenario.capacities, { ann, zoe });
    return scenario.given(ANN, say.decide(1)).given(ZOE, say.decide(1));
  };

  it('counts N of M by capacity, and the event says who was counted as what', () => {
    const { evidence } = promotion(reviewed(asks, ['tech-lead'], ['risk-officer']));
    expect(evidence.counted).toEqual([
      { approval: '2', by: 'ann', capacity: 'tech-lead', held: ['tech-lead'] },
      { approval: '3', by: 'zoe', capacity: 'risk-officer', held: ['risk-officer'] },
    ]);
    expect(evidence.rules).toContainEqual({
      rule: 'approvals of tech-lead >= 1',
      required: 1,
      observed: 1,
      verdict: 'pass',
    });
  });

  it('names what is missing', () => {
    expect(refusal(reviewed(asks, ['tech-lead'], []), say.promote(1))).toMatchObject({
      code: 'not-approved',
      missing: [{ count: 1, capacity: 'risk-officer' }],
    });
  });

  it('counts one person once, whatever they hold, and finds who can stand in for whom', () => {
    const both = reviewed(asks, ['tech-lead', 'risk-officer'], []);
    expect(refusal(both, say.promote(1))).toMatchObject({ code: 'not-approved' });
    // ann could be either, zoe only a tech lead: ann has to be counted as the other.
    const { counted } = promotion(reviewed(asks, ['tech-lead', 'risk-officer'], ['tech-lead'])).evidence;
    expect(counted?.map(({ by, capacity }) => `${by} ${capacity}`)).toEqual([
      'zoe tech-lead',
      'ann risk-officer',
    ]);
  });

  describe('through keys that reviewers made for each other', () => {
    /** ann made the keys of bob and zoe, and approves first. */
    const madeByAnn = (document: Partial<PolicyDocument>, capacities: Record<string, string[]>): Scenario => {
      const scenario = under(document).given(CI, say.register('v1')).given(CI, say.evaluate(1, 0.95));
      Object.assign(scenario.capacities, capacities);
      Object.assign(scenario.keys, { bob: 'k-bob', zoe: 'k-zoe' });
      Object.assign(scenario.makers, { 'k-bob': ['ann'], 'k-zoe': ['ann'] });
      return scenario.given(ANN, say.decide(1)).given(BOB, say.decide(1));
    };

    it('who made them takes nobody away: the two count where one alone would not be enough', () => {
      const scenario = madeByAnn({ production: { approvals: [{ count: 2 }] } }, {});
      expect(refusal(scenario, say.promote(1))).toMatchObject({ code: 'not-approved' });
      expect(promotion(scenario.given(ZOE, say.decide(1))).evidence.approvals).toEqual(['3', '4']);
    });

    it('the one counts who holds the capacity, whoever came first', () => {
      const document = { production: { approvals: [{ capacity: 'risk-officer', count: 1 }] } };
      const { counted } = promotion(madeByAnn(document, { bob: ['risk-officer'] })).evidence;
      expect(counted).toMatchObject([{ by: 'bob', capacity: 'risk-officer' }]);
      const { counted: both } = promotion(
        madeByAnn(document, { ann: ['risk-officer'], bob: ['risk-officer'] }),
      ).evidence;
      expect(both).toMatchObject([{ by: 'ann' }]);
    });
  });

  it('counts a capacity only if it was held at the approval and is held at the promotion', () => {
    const lost = reviewed(asks, ['tech-lead'], ['risk-officer']);
    lost.capacities['zoe'] = [];
    expect(refusal(lost, say.promote(1))).toMatchObject({ missing: [{ capacity: 'risk-officer' }] });
    const late = reviewed(asks, ['tech-lead'], []);
    late.capacities['zoe'] = ['risk-officer'];
    expect(refusal(late, say.promote(1))).toMatchObject({ missing: [{ capacity: 'risk-officer' }] });
  });

  it('counts nobody who may no longer decide, whatever they approved as', () => {
    const scenario = reviewed({}, [], []);
    scenario.dismissed.add('ann').add('zoe');
    expect(refusal(scenario, say.promote(1))).toMatchObject({ missing: [{}] });
    scenario.dismissed.delete('zoe');
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
  });

  it('lets approvals grow too old', () => {
    const aged = reviewed({ production: { approvalsValidFor: 'P14D' } }, [], []);
    aged.now = '2026-03-15T12:00:00.001Z';
    expect(refusal(aged, say.promote(1)).code).toBe('approval-void');
    aged.now = '2026-03-15T12:00:00.000Z';
    expect(promotion(aged).evidence.approvals).toHaveLength(2);
  });

  it('may be given again when it has grown too old, or in a capacity or group that is new; else once is enough', () => {
    const aged = reviewed({ production: { approvalsValidFor: 'P14D' } }, [], []);
    expect(aged.answer(ZOE, say.decide(1))).toBe('nothing');
    aged.now = '2026-03-15T12:00:00.001Z';
    expect(aged.given(ZOE, say.decide(1)).answer(BOB, say.promote(1))).toBe('model.Promoted');

    const late = reviewed(asks, ['tech-lead'], []);
    late.capacities['zoe'] = ['risk-officer'];
    expect(late.given(ZOE, say.decide(1)).answer(BOB, say.promote(1))).toBe('model.Promoted');

    const moved = reviewed(asks, ['tech-lead'], ['risk-officer']);
    moved.groups['zoe'] = ['risk'];
    expect(moved.answer(ZOE, say.decide(1))).toBe('model.Approved');
    moved.groups['zoe'] = [];
    expect(moved.answer(ZOE, say.decide(1))).toBe('nothing');
  });

  it('is void on a new evaluation, and a standing rejection blocks whoever else approved', () => {
    const again = reviewed(asks, ['tech-lead'], ['risk-officer']).given(CI, say.evaluate(1, 0.96));
    expect(refusal(again, say.promote(1)).code).toBe('approval-void');
    const rejected = reviewed(asks, ['tech-lead'], ['risk-officer']).given(ZOE, say.decide(1, 'reject'));
    expect(refusal(rejected, say.promote(1))).toMatchObject({
      code: 'not-approved',
      missing: [{ by: 'zoe' }],
    });
  });
});

describe('soak and freeze', () => {
  it('soaks from the evaluation that moved it to STAGING, to the millisecond', () => {
    const scenario = under({ production: { soak: 'PT24H' } }, approved(1));
    scenario.now = '2026-03-02T11:59:59.999Z';
    expect(refusal(scenario, say.promote(1))).toMatchObject({ open: ['soak >= PT24H: fail'] });
    scenario.now = '2026-03-02T12:00:00.000Z';
    expect(promotion(scenario).version).toBe(1);
  });

  it('soaks anew after a rollback', () => {
    const scenario = promoted(2);
    scenario.now = '2026-03-05T12:00:00.000Z';
    scenario.given(BOB, say.rollBack(2)).given(ANN, say.decide(2));
    under({ production: { soak: 'PT24H' } }, scenario);
    scenario.now = '2026-03-06T11:00:00.000Z';
    expect(refusal(scenario, say.promote(2))).toMatchObject({ open: ['soak >= PT24H: fail'] });
  });

  const window = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z', reason: 'audit' };

  it('promotes nothing in a freeze: its start is in it, its end is not', () => {
    const scenario = under({ production: { freeze: [window] } }, approved(1));
    for (const frozen of ['2026-03-01T12:00:00.000Z', '2026-03-01T23:59:59.999Z']) {
      scenario.now = frozen;
      expect(refusal(scenario, say.promote(1))).toMatchObject({ open: ['no freeze: audit: fail'] });
    }
    scenario.now = '2026-03-02T00:00:00.000Z';
    expect(promotion(scenario).version).toBe(1);
  });

  it('asks about weekly windows with the zone, and goes by the answer', () => {
    const scenario = approved(1);
    const freeze = [{ weekly: 'Fri 16:00 - Mon 08:00', zone: 'Europe/London', reason: 'weekend' }];
    scenario.policy = policyOf(
      { policy: 'p', models: ['*'], production: { freeze } },
      (weekly, zone, instant) => `${weekly} ${zone} ${instant}`.endsWith('London 2026-03-01T12:00:00.000Z'),
    );
    expect(refusal(scenario, say.promote(1))).toMatchObject({ open: ['no freeze: weekend: fail'] });
    scenario.now = '2026-03-02T12:00:00.000Z';
    expect(promotion(scenario).version).toBe(1);
  });

  it('never freezes a rollback, and never asks approvals of it', () => {
    const scenario = under({ production: { freeze: [window], approvals: [{ count: 9 }] } }, promoted(2));
    expect(scenario.answer(BOB, say.rollBack(2))).toBe('model.RolledBack');
  });
});

describe('production rules', () => {
  it('refuse by name, and freeze what was asked and what it said', () => {
    const rules = [
      { name: 'first', expr: 'yes' },
      { name: 'second', expr: 'no' },
    ];
    expect(refusal(under({ production: { rules } }, approved(1)), say.promote(1))).toMatchObject({
      open: ['second: fail'],
    });
    const scenario = under({ production: { rules: rules.slice(0, 1) } }, approved(1));
    expect(promotion(scenario).evidence.rules).toContainEqual({
      rule: 'first',
      required: 'yes',
      observed: true,
      verdict: 'pass',
    });
  });
});

it('a rule is shown the capacities of approvals that were held then and are held still', () => {
  const asks = { production: { rules: [{ name: 'risk', expr: 'a risk officer approved' }] } };
  const scenario = under(asks).given(CI, say.register('v1')).given(CI, say.evaluate(1, 0.95));
  scenario.given(ANN, say.decide(1));
  scenario.capacities['ann'] = ['risk'];
  expect(refusal(scenario, say.promote(1)).open).toEqual(['risk: fail']);
  scenario.given(ANN, say.decide(1));
  scenario.capacities['ann'] = [];
  expect(refusal(scenario, say.promote(1)).open).toEqual(['risk: fail']);
  scenario.capacities['ann'] = ['risk'];
  expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
});

describe('break-glass', () => {
  const asks = {
    breakGlass: { capacity: 'on-call', reviewWithin: 'PT24H' },
    production: { approvals: [{ count: 2 }], soak: 'PT24H' },
  };
  const broken = (): Scenario => {
    const scenario = under(asks, approved(1));
    scenario.capacities['bob'] = ['on-call'];
    return scenario;
  };

  it('skips approvals, soak and freeze; the event says so and keeps their verdicts', () => {
    const event = promotion(broken(), glass(1));
    expect(event.breakGlass).toEqual({
      reason: 'prod is down',
      capacity: 'on-call',
      reviewBy: '2026-03-02T12:00:00.000Z',
    });
    expect(open(event.evidence.rules)).toEqual(['soak >= PT24H: fail', 'approvals >= 2: fail']);
  });

  it('is for who holds the capacity, and for nobody where the policy has none', () => {
    expect(refusal(broken(), glass(1), ANN).code).toBe('role-missing');
    const without = approved(1);
    without.capacities['bob'] = ['on-call'];
    expect(refusal(without, glass(1)).code).toBe('role-missing');
  });

  it('needs a reason, and does not skip the evaluations or the stage', () => {
    expect(refusal(broken(), glass(1, ' ')).code).toBe('reason-missing');
    const dev = broken().given(CI, say.register('v2'));
    expect(refusal(dev, glass(2)).open).toContain('stage: fail');
  });

  it('is reviewed once by a second person, who is not its registrar', () => {
    const scenario = broken().given(BOB, glass(1));
    expect(refusal(scenario, review(1), BOB).code).toBe('own-approval');
    expect(refusal(scenario, review(1), CI).code).toBe('own-approval');
    const { event } = scenario.when(ANN, review(1));
    expect(event).toMatchObject({
      type: 'model.BreakGlassReviewed',
      data: { promotion: '3', verdict: 'justified' },
    });
    expect(scenario.answer(ANN, review(1))).toBe('nothing');
    expect(scenario.answer(ZOE, review(1))).toBe('no-break-glass');
  });

  it.each([
    ['who made the key that broke the glass', { 'k-bob': ['max', 'zoe'] }, 'own-approval'],
    ['whose key who broke the glass made', { 'k-zoe': ['bob'] }, 'own-approval'],
    ['who made the key of the registrar', { 'k-ci': ['zoe'] }, 'own-approval'],
    [
      'whose key was made by the same admin',
      { 'k-bob': ['max'], 'k-zoe': ['max'] },
      'model.BreakGlassReviewed',
    ],
  ])('is asked to be reviewed by %s', (_who, makers, outcome) => {
    const scenario = new Scenario();
    Object.assign(scenario.keys, { ci: 'k-ci', bob: 'k-bob', zoe: 'k-zoe' });
    Object.assign(scenario.makers, makers);
    scenario.given(CI, say.register('v1')).given(CI, say.evaluate(1, 0.95));
    scenario.capacities['bob'] = ['on-call'];
    under(asks, scenario).given(BOB, glass(1));
    expect(scenario.answer(ZOE, review(1))).toBe(outcome);
  });

  it('without one there is nothing to review', () => {
    expect(promoted(1).answer(ZOE, review(1))).toBe('no-break-glass');
  });
});

describe('deprecation', () => {
  it('asks for the notice of the policy', () => {
    const scenario = under({ deprecation: { notice: 'P90D' } }, approved(1));
    expect(scenario.when(BOB, say.deprecate(1, '2026-05-29')).refused?.facts).toEqual({
      earliest: '2026-05-30',
    });
    expect(scenario.answer(BOB, say.deprecate(1, '2026-05-30'))).toBe('model.Deprecated');
  });
});
