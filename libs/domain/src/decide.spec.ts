import type { Command } from './commands';
import type { Actor, Evaluated, Promoted } from './events';
import { liveVersion, rollbackTarget } from './pointer';
import { LIMITS } from './refusals';
import {
  ANN,
  approved,
  BOB,
  CI,
  digest,
  policyOf,
  promoted,
  say,
  Scenario,
  type Said,
} from './testing/scenario';

const ZOE: Actor = { id: 'zoe', kind: 'user' };

/** Runs a command that has to be accepted, and runs it again: then nothing must happen, or what `again` says. */
function done(
  scenario: Scenario,
  actor: Actor,
  command: Command,
  again = 'nothing',
): NonNullable<Said['event']> {
  const { event, refused } = scenario.when(actor, command);
  if (refused) throw refused;
  expect(event).not.toBeNull();
  expect(scenario.answer(actor, command)).toBe(again);
  return event!;
}

describe('register', () => {
  it('takes a version in as the next number, in DEV', () => {
    const scenario = new Scenario();
    expect(done(scenario, CI, say.register('a', { label: '1.0.0' }))).toMatchObject({
      data: { version: 1, label: '1.0.0' },
    });
    expect(done(scenario, CI, say.register('b'))).toMatchObject({ data: { version: 2 } });
    expect(scenario.state.versions.map(({ stage }) => stage)).toEqual(['DEV', 'DEV']);
  });

  it('answers a known digest whatever the label says, also a deprecated one', () => {
    const scenario = promoted(3).given(BOB, say.deprecate(1));
    expect(scenario.answer(CI, say.register('v1', { label: 'other' }))).toBe('nothing');
    expect(scenario.answer(CI, say.register('v2', { label: '1.3.0' }))).toBe('nothing');
  });

  it.each([
    ['a blank changelog', say.register('x', { changelog: ' \n' }), 'changelog-missing'],
    ['a label of another digest', say.register('x', { label: '1.1.0' }), 'label-taken'],
    ['a parent that is not there', say.register('x', { parent: 9 }), 'version-unknown'],
    [
      'a blank changelog before anything else',
      say.register('v1', { changelog: '', parent: 9 }),
      'changelog-missing',
    ],
    ['an unknown parent before a known digest', say.register('v1', { parent: 9 }), 'version-unknown'],
  ])('refuses %s', (_, command, code) => {
    expect(approved(1).answer(CI, command)).toBe(code);
  });

  it('refuses an unknown parent on a model that does not exist yet', () => {
    expect(new Scenario().answer(CI, say.register('x', { parent: 1 }))).toBe('version-unknown');
  });
});

describe('evaluate', () => {
  const registered = () => new Scenario().given(CI, say.register('v1'));
  const evaluated = (scenario: Scenario, command: Command): Evaluated =>
    done(scenario, CI, command, 'model.Evaluated').data as Evaluated;

  it('moves to STAGING in the same event when the gate is met', () => {
    const scenario = registered();
    const event = evaluated(scenario, say.evaluate(1, 0.95));
    expect(event).toMatchObject({
      passed: true,
      movedTo: 'STAGING',
      rules: [{ rule: 'f1 >= 0.9', verdict: 'pass' }],
    });
    expect(scenario.state.versions[0]!.stage).toBe('STAGING');
  });

  it('records a failing run and stays in DEV', () => {
    const scenario = registered();
    expect(evaluated(scenario, say.evaluate(1, 0.8))).toMatchObject({
      passed: false,
      rules: [{ verdict: 'fail' }],
    });
    expect(scenario.state.versions[0]!.stage).toBe('DEV');
  });

  it('does not move back from STAGING', () => {
    const scenario = registered().given(CI, say.evaluate(1, 0.95)).given(CI, say.evaluate(1, 0.1));
    expect(scenario.state.versions[0]!.stage).toBe('STAGING');
    expect(scenario.answer(ANN, say.decide(1))).toBe('gate-not-met');
    expect(scenario.answer(BOB, say.promote(1))).toBe('gate-not-met');
  });

  it('judges nothing without a bound, and an unmeasured metric as inconclusive', () => {
    const none = { ...say.evaluate(1, 0.95) } as Extract<Command, { verb: 'evaluate' }>;
    const unbound = evaluated(registered(), { ...none, data: { ...none.data, thresholds: {} } });
    expect(unbound).toMatchObject({ passed: false, rules: [{ verdict: 'inconclusive' }] });
    expect(unbound.movedTo).toBeUndefined();
    const unmeasured = evaluated(registered(), say.evaluate(1, 0, { metrics: { recall: 1 } }));
    expect(unmeasured).toMatchObject({ passed: false, rules: [{ observed: null, verdict: 'inconclusive' }] });
  });

  it('needs every suite on the table to pass, and only the latest of each counts', () => {
    const scenario = registered().given(CI, say.evaluate(1, 0.1, { suite: 'a' }));
    expect(evaluated(scenario, say.evaluate(1, 0.95, { suite: 'b' })).movedTo).toBeUndefined();
    expect(evaluated(scenario, say.evaluate(1, 0.95, { suite: 'a' })).movedTo).toBe('STAGING');
  });

  it('carries exact deltas against the live version and names the baseline', () => {
    const scenario = new Scenario()
      .given(CI, say.register('v1'))
      .given(CI, say.evaluate(1, 0.9))
      .given(ANN, say.decide(1))
      .given(BOB, say.promote(1))
      .given(CI, say.register('v2'));
    const event = evaluated(scenario, say.evaluate(2, 0.91, { bound: { min: 0.5, maxRegression: 0.01 } }));
    expect(event.deltas).toEqual({ f1: { live: 0.9, delta: 0.01 } });
    expect(event.baseline).toEqual({ version: 1, revision: '1' });
    const worse = evaluated(scenario, say.evaluate(2, 0.89, { bound: { min: 0.5, maxRegression: 0.01 } }));
    expect(worse.rules[1]).toMatchObject({ required: 0.01, observed: 0.01, verdict: 'pass' });
    const tooMuch = evaluated(
      scenario,
      say.evaluate(2, 0.8899, { bound: { min: 0.5, maxRegression: 0.01 } }),
    );
    expect(tooMuch.rules[1]).toMatchObject({ observed: 0.0101, verdict: 'fail' });
  });

  it('passes a bound relative to live where there is nothing to compare with, and says so', () => {
    const event = evaluated(
      registered(),
      say.evaluate(1, 0.5, { bound: { maxRegression: 0, better: 'higher' } }),
    );
    expect(event).toMatchObject({
      passed: true,
      rules: [{ verdict: 'pass', because: 'nothing is live to compare with' }],
    });
    const other = promoted(1).given(CI, say.register('x'));
    const onOther = evaluated(
      other,
      say.evaluate(2, 0.5, { suite: 'new', bound: { maxRegression: 0, better: 'higher' } }),
    );
    expect(onOther).toMatchObject({ passed: true, deltas: {} });
    expect(onOther.baseline).toBeUndefined();
  });

  it('takes the live version without deltas against itself, and voids nothing while it is live', () => {
    const scenario = promoted(1);
    expect(evaluated(scenario, say.evaluate(1, 0.5))).toMatchObject({ deltas: {}, passed: false });
    expect(scenario.state.versions[0]!.decisions.get('ann')!.void).toBeNull();
  });

  it('makes `evaluated` of suites and event ids, in order of suite', () => {
    const scenario = registered().given(CI, say.evaluate(1, 0.95, { suite: 'b' }));
    const event = evaluated(scenario, say.evaluate(1, 0.95, { suite: 'a' }));
    const [, b, a] = scenario.facts;
    expect(event.evaluated).toBe(
      digest([
        ['a', a!.id],
        ['b', b!.id],
      ]),
    );
  });

  it('refuses a deprecated version, an unknown one, and too much on the table', () => {
    expect(promoted(3).given(BOB, say.deprecate(1)).answer(CI, say.evaluate(1, 1))).toBe('is-deprecated');
    expect(new Scenario().answer(CI, say.evaluate(1, 1))).toBe('model-unknown');
    expect(registered().answer(CI, say.evaluate(2, 1))).toBe('version-unknown');
    const metrics = (n: number, prefix: string) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`${prefix}${i}`, i]));
    const full = registered().given(
      CI,
      say.evaluate(1, 1, { suite: 'a', metrics: metrics(LIMITS.metrics - 1, 'm') }),
    );
    expect(full.answer(CI, say.evaluate(1, 1, { suite: 'b', metrics: metrics(2, 'x') }))).toBe('too-many');
    expect(full.answer(CI, say.evaluate(1, 1, { suite: 'b', metrics: metrics(1, 'x') }))).toBe(
      'model.Evaluated',
    );
    const bounds = { min: 0, max: 2, maxRegression: 1, better: 'higher' as const };
    const bounded = (count: number): Command => ({
      verb: 'evaluate',
      data: {
        version: 1,
        suite: 'b',
        dataset: { name: 'd' },
        metrics: { m: 1 },
        thresholds: Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, bounds])),
      },
    });
    expect(registered().answer(CI, bounded(334))).toBe('too-many');
    expect(registered().answer(CI, bounded(333))).toBe('model.Evaluated');
    const suites = registered();
    for (let i = 0; i < LIMITS.suites; i++) suites.given(CI, say.evaluate(1, 1, { suite: `s${i}` }));
    expect(suites.answer(CI, say.evaluate(1, 1, { suite: 'more' }))).toBe('too-many');
    expect(suites.answer(CI, say.evaluate(1, 1, { suite: 's0' }))).toBe('model.Evaluated');
  });
});

describe('approve and reject', () => {
  const staged = () =>
    new Scenario().given(CI, say.register('v1', { author: 'dana' })).given(CI, say.evaluate(1, 0.95));

  it('binds a decision to the digest and to the evaluations on the table', () => {
    const scenario = staged();
    const { digest: bound, evaluated } = scenario.state.versions[0]!;
    expect(done(scenario, ANN, say.decide(1))).toMatchObject({
      type: 'model.Approved',
      data: { digest: bound, evaluated },
    });
    expect(done(scenario, ANN, say.decide(1, 'reject'))).toMatchObject({ type: 'model.Rejected' });
    expect(done(scenario, BOB, say.decide(1, 'approve', { digest: bound, evaluated }))).toBeDefined();
  });

  it.each<[string, Actor, Command, string]>([
    ['the registrar, before asking whether it is a person', CI, say.decide(1), 'own-approval'],
    ['the author', { id: 'dana', kind: 'user' }, say.decide(1), 'own-approval'],
    ['the author who rejects', { id: 'dana', kind: 'user' }, say.decide(1, 'reject'), 'own-approval'],
    ['a service', { id: 'bot', kind: 'service' }, say.decide(1), 'role-missing'],
    ['another digest', ANN, say.decide(1, 'approve', { digest: digest('other') }), 'digest-differs'],
    ['other evaluations', ANN, say.decide(1, 'approve', { evaluated: digest('other') }), 'digest-differs'],
    ['a version that is not there', ANN, say.decide(2), 'version-unknown'],
  ])('refuses %s', (_, actor, command, code) => {
    expect(staged().answer(actor, command)).toBe(code);
  });

  describe('through keys', () => {
    /** `ci` registers with the key `k-ci`, `zoe` and `ann` decide with theirs. */
    const keyed = (makers: Record<string, string[]>) => {
      const scenario = new Scenario();
      Object.assign(scenario.keys, { ci: 'k-ci', zoe: 'k-zoe', ann: 'k-ann' });
      Object.assign(scenario.makers, makers);
      return scenario.given(CI, say.register('v1', { author: 'dana' })).given(CI, say.evaluate(1, 0.95));
    };

    it.each<[string, Record<string, string[]>, string]>([
      ['who made the key that registered it', { 'k-ci': ['zoe'] }, 'own-approval'],
      ['who made the key that made it', { 'k-ci': ['max', 'admin', 'zoe'] }, 'own-approval'],
      ['whose key the registrar made', { 'k-zoe': ['max', 'ci'] }, 'own-approval'],
      ['whose key the author made', { 'k-zoe': ['dana'] }, 'own-approval'],
      ['whose key was made by the same admin', { 'k-ci': ['admin'], 'k-zoe': ['admin'] }, 'model.Approved'],
    ])('is asked of %s', (_who, makers, outcome) => {
      expect(keyed(makers).answer(ZOE, say.decide(1))).toBe(outcome);
    });

    it.each<[string, Record<string, string[]>, string]>([
      ['two people', { 'k-ann': ['admin'], 'k-zoe': ['admin'] }, 'model.Promoted'],
      ['one, where the first made the key of the second', { 'k-ann': ['zoe'] }, 'not-approved'],
      ['one, where the second made the key of the first', { 'k-zoe': ['max', 'ann'] }, 'not-approved'],
    ])('two approvals are of %s', (_what, makers, outcome) => {
      const scenario = keyed(makers);
      scenario.policy = policyOf({ policy: 'p', models: ['*'], production: { approvals: [{ count: 2 }] } });
      scenario.given(ZOE, say.decide(1)).given(ANN, say.decide(1));
      expect(scenario.answer(BOB, say.promote(1))).toBe(outcome);
      if (outcome === 'model.Promoted') return;
      // With a credential that the other did not make it is a second one.
      scenario.keys['ann'] = scenario.keys['zoe'] = 'k-new';
      for (const who of [ZOE, ANN]) scenario.given(who, say.decide(1));
      for (const who of [ZOE, ANN]) expect(scenario.answer(who, say.decide(1))).toBe('nothing');
      expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
    });

    it('counts nobody who made the key of the registrar, also where the approval is there already', () => {
      const scenario = keyed({ 'k-ci': ['admin'] }).given(ZOE, say.decide(1));
      scenario.makers['k-ci'] = ['admin', 'zoe'];
      expect(scenario.answer(BOB, say.promote(1))).toBe('not-approved');
      scenario.given(ANN, say.decide(1));
      expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
    });
  });

  it('refuses in DEV, on the live version, and on a deprecated one', () => {
    expect(new Scenario().given(CI, say.register('v1')).answer(ANN, say.decide(1))).toBe('not-in-staging');
    expect(promoted(1).answer(ZOE, say.decide(1))).toBe('is-live');
    expect(promoted(3).given(BOB, say.deprecate(1)).answer(ZOE, say.decide(1))).toBe('is-deprecated');
  });

  it('is quiet about the same decision while it still counts, also on what is live or deprecated', () => {
    expect(promoted(1).answer(ANN, say.decide(1))).toBe('nothing');
    expect(promoted(3).given(BOB, say.deprecate(1)).answer(ANN, say.decide(1))).toBe('nothing');
  });

  it('on what is live is no repeat when the body names what came since', () => {
    const scenario = promoted(1);
    const { evaluated } = scenario.state.versions[0]!;
    scenario.given(CI, say.evaluate(1, 0.96));
    const since = scenario.state.versions[0]!.evaluated;
    expect(scenario.answer(ANN, say.decide(1, 'approve', { evaluated }))).toBe('nothing');
    expect(scenario.answer(ANN, say.decide(1, 'approve', { evaluated: since }))).toBe('is-live');
  });

  it('lists every rule as it was recorded when another suite fails', () => {
    const scenario = promoted(1).given(CI, say.register('x'));
    const bound = { min: 0.9, maxRegression: 0.01 };
    scenario
      .given(CI, say.evaluate(2, 0.95, { bound }))
      .given(CI, say.evaluate(2, 0.96, { bound, suite: 'other' }));
    scenario.given(CI, say.evaluate(2, 0.1, { bound, suite: 'other' }));
    const recorded = scenario.facts.flatMap(({ type, data }) =>
      type === 'model.Evaluated' && data.version === 2 ? [data] : [],
    );
    const [holdout, , other] = recorded.map(({ suite, rules }) => rules.map((rule) => ({ suite, ...rule })));
    const { refused } = scenario.when(ANN, say.decide(2));
    expect(refused!.facts.gate!.slice(1)).toEqual([...holdout!, ...other!]);
  });

  it('is void after a later evaluation, and can be given again', () => {
    const scenario = staged().given(ANN, say.decide(1)).given(CI, say.evaluate(1, 0.96));
    expect(scenario.answer(BOB, say.promote(1))).toBe('approval-void');
    expect(scenario.answer(ANN, say.decide(1))).toBe('model.Approved');
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
  });

  it('counts on PROD that is not live', () => {
    const scenario = promoted(2).given(CI, say.evaluate(1, 0.97));
    expect(scenario.answer(BOB, say.promote(1))).toBe('approval-void');
    expect(scenario.answer(ANN, say.decide(1))).toBe('model.Approved');
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
  });

  it('lets a rejection withdraw earlier approvals, and stand until its reviewer approves or a new evaluation comes', () => {
    const scenario = staged().given(ANN, say.decide(1)).given(ZOE, say.decide(1, 'reject'));
    expect(scenario.when(BOB, say.promote(1)).refused).toMatchObject({
      code: 'not-approved',
      facts: { missing: [{ by: 'zoe' }] },
    });
    scenario.given(ANN, say.decide(1));
    expect(scenario.answer(BOB, say.promote(1))).toBe('not-approved');
    const lifted = staged()
      .given(ANN, say.decide(1))
      .given(ZOE, say.decide(1, 'reject'))
      .given(ZOE, say.decide(1));
    expect(lifted.state.versions[0]!.decisions.get('ann')!.void).toBe('rejected');
    expect(lifted.answer(BOB, say.promote(1))).toBe('model.Promoted');
    scenario.given(CI, say.evaluate(1, 0.96)).given(ANN, say.decide(1));
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
  });

  it('can reject what does not meet the gate', () => {
    expect(staged().given(CI, say.evaluate(1, 0.1)).answer(ANN, say.decide(1, 'reject'))).toBe(
      'model.Rejected',
    );
  });

  it('takes a limited number of reviewers', () => {
    const scenario = staged();
    for (let i = 0; i < LIMITS.reviewers; i++) scenario.given({ id: `r${i}`, kind: 'user' }, say.decide(1));
    expect(scenario.answer(ZOE, say.decide(1))).toBe('too-many');
    expect(scenario.answer({ id: 'r0', kind: 'user' }, say.decide(1, 'reject'))).toBe('model.Rejected');
  });
});

describe('promote', () => {
  it('freezes the evidence in one event', () => {
    const scenario = approved(2).given(BOB, say.promote(1));
    const event = done(scenario, BOB, say.promote(2)).data as Promoted;
    expect(event).toMatchObject({
      version: 2,
      previous: { version: 1 },
      pointer: 2,
      evidence: {
        registered: '3',
        evaluations: ['4'],
        approvals: ['5'],
        baseline: { version: 1 },
        deltas: { holdout: { f1: { live: 0.95, delta: 0 } } },
        rules: [
          { rule: 'evaluations >= 1' },
          { rule: 'f1 >= 0.9', suite: 'holdout', verdict: 'pass' },
          { rule: 'approvals >= 1', required: 1, observed: 1, verdict: 'pass' },
          { rule: 'standing rejections <= 0', verdict: 'pass' },
        ],
      },
    });
  });

  it('answers gate-not-met from DEV, the stage first', () => {
    const { refused } = new Scenario().given(CI, say.register('v1')).when(BOB, say.promote(1));
    expect(refused).toMatchObject({
      code: 'gate-not-met',
      facts: {
        gate: [
          { rule: 'stage', verdict: 'fail' },
          { observed: 0, verdict: 'fail' },
        ],
      },
    });
  });

  it('fits into an event however much is on the table', () => {
    const name = (n: number) => `${n}`.padEnd(64, 'x');
    const crowd = (worse: number): Command => ({
      verb: 'evaluate',
      data: {
        version: 1,
        suite: 's'.repeat(64),
        dataset: { name: 'd' },
        metrics: Object.fromEntries(
          Array.from({ length: LIMITS.metrics }, (_, n) => [name(n), -n / 7e-101 - worse]),
        ),
        thresholds: Object.fromEntries(
          Array.from({ length: LIMITS.bounds }, (_, n) => [
            name(n),
            { maxRegression: 1.234567890123456e-103, better: 'lower' as const },
          ]),
        ),
      },
    });
    const scenario = new Scenario()
      .given(CI, say.register('v1'))
      .given(CI, crowd(0))
      .given(ANN, say.decide(1))
      .given(BOB, say.promote(1));
    const second = crowd(1 / 3) as Extract<Command, { verb: 'evaluate' }>;
    scenario
      .given(CI, say.register('v2'))
      .given(CI, { ...second, data: { ...second.data, version: 2 } })
      .given(ANN, say.decide(2));
    const { event } = scenario.when(BOB, say.promote(2));
    expect(JSON.stringify(event!.data).length).toBeGreaterThan(300_000);
    expect(JSON.stringify(event!.data).length).toBeLessThan(512 * 1024 - 2_000);
  });

  it('judges bounds relative to live again, against what is live now', () => {
    const scenario = new Scenario();
    const bound = { maxRegression: 0.01, better: 'higher' };
    for (const [version, f1] of [
      [1, 0.9],
      [2, 0.9],
      [3, 0.95],
    ] as const)
      scenario
        .given(CI, say.register(`v${version}`))
        .given(CI, say.evaluate(version, f1, { bound }))
        .given(ANN, say.decide(version));
    scenario.given(BOB, say.promote(3));
    const { refused } = scenario.when(BOB, say.promote(2));
    expect(refused).toMatchObject({ code: 'gate-not-met' });
    expect(refused!.facts.gate!.at(-1)).toMatchObject({ suite: 'holdout', observed: 0.05, verdict: 'fail' });
  });

  it('needs an approval', () => {
    const scenario = new Scenario().given(CI, say.register('v1')).given(CI, say.evaluate(1, 0.95));
    expect(scenario.when(BOB, say.promote(1)).refused).toMatchObject({
      code: 'not-approved',
      facts: { missing: [{}] },
    });
  });

  it('refuses a stale expected pointer before it says that it is so already', () => {
    expect(promoted(1).answer(BOB, say.promote(1, 0))).toBe('pointer-moved');
    expect(promoted(1).answer(BOB, say.promote(1, 1))).toBe('nothing');
    expect(approved(1).answer(BOB, say.promote(1, 0))).toBe('model.Promoted');
  });

  it('takes what was promoted before again while its approvals stand', () => {
    const scenario = promoted(2);
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
    expect(scenario.state.pointer.stack).toEqual([1, 2, 1]);
    expect(rollbackTarget(scenario.state.pointer)).toBe(2);
  });

  it('refuses a deprecated version and what is not there', () => {
    expect(promoted(3).given(BOB, say.deprecate(1)).answer(BOB, say.promote(1))).toBe('is-deprecated');
    expect(promoted(1).answer(BOB, say.promote(7))).toBe('version-unknown');
    expect(new Scenario().answer(BOB, say.promote(1))).toBe('model-unknown');
  });
});

describe('roll back', () => {
  it('goes one down, returns the version left to STAGING with its approvals void, and moves once', () => {
    const scenario = promoted(3);
    expect(done(scenario, BOB, say.rollBack(3))).toMatchObject({
      data: { from: { version: 3 }, to: { version: 2 }, pointer: 4 },
    });
    expect(scenario.state.versions.map(({ stage }) => stage)).toEqual(['PROD', 'PROD', 'STAGING']);
    expect(scenario.answer(BOB, say.promote(3))).toBe('approval-void');
  });

  it('walks further back with the next one and never flips to the bad version', () => {
    const scenario = promoted(3).given(BOB, say.rollBack(3)).given(BOB, say.rollBack(2));
    expect(liveVersion(scenario.state.pointer)).toBe(1);
    expect(scenario.answer(BOB, say.rollBack(1))).toBe('no-rollback-target');
    expect(scenario.answer(BOB, say.rollBack(3))).toBe('nothing');
  });

  it('passes over what was rolled back or deprecated, and over itself', () => {
    const scenario = promoted(3)
      .given(BOB, say.rollBack(3))
      .given(ANN, say.decide(3))
      .given(BOB, say.promote(1))
      .given(BOB, say.promote(3));
    expect(scenario.state.pointer.stack).toEqual([1, 2, 1, 3]);
    scenario.given(BOB, say.rollBack(3));
    expect(scenario.state.pointer.stack).toEqual([1, 2, 1]);
    expect(rollbackTarget(scenario.state.pointer)).toBe(2);
    scenario.given(BOB, say.rollBack(1));
    expect(liveVersion(scenario.state.pointer)).toBe(2);
    expect(rollbackTarget(scenario.state.pointer)).toBeNull();
  });

  it('goes to a named version, on the stack or replacing the top', () => {
    const onStack = promoted(3).given(BOB, say.rollBack(3, 1));
    expect(onStack.state.pointer.stack).toEqual([1]);
    const replaced = promoted(3).given(BOB, say.rollBack(3, 1)).given(BOB, say.rollBack(1, 2));
    expect(replaced.state.pointer.stack).toEqual([2]);
  });

  it('can leave nothing live, and the same again is quiet', () => {
    const scenario = promoted(2);
    expect(done(scenario, BOB, say.rollBack(2, 0))).toMatchObject({ data: { from: { version: 2 } } });
    expect(liveVersion(scenario.state.pointer)).toBeNull();
    expect(scenario.answer(BOB, say.promote(1))).toBe('model.Promoted');
    expect(scenario.answer(BOB, say.rollBack(2, 0))).toBe('pointer-moved');
  });

  it('knows the version left by its digest', () => {
    const scenario = promoted(2);
    expect(scenario.answer(BOB, say.rollBack(digest('v2')))).toBe('model.RolledBack');
    expect(scenario.answer(BOB, say.rollBack(digest('nope')))).toBe('version-unknown');
  });

  it.each<[string, Command, string]>([
    ['no reason, before anything else', { verb: 'rollBack', data: { from: 9 } }, 'reason-missing'],
    [
      '`other` without a note',
      { verb: 'rollBack', data: { from: 3, reason: 'other', note: ' ' } },
      'reason-missing',
    ],
    ['an unknown target', say.rollBack(3, 9), 'version-unknown'],
    ['a stale pointer', say.rollBack(3, undefined, 1), 'pointer-moved'],
    ['what is not live', say.rollBack(2), 'pointer-moved'],
    ['itself', say.rollBack(3, 3), 'is-live'],
    ['what was never live', say.rollBack(3, 4), 'never-live'],
  ])('refuses %s', (_, command, code) => {
    expect(promoted(3).given(CI, say.register('v4')).answer(BOB, command)).toBe(code);
  });

  it('refuses a target that was rolled back or deprecated', () => {
    const scenario = promoted(3).given(BOB, say.rollBack(3));
    expect(scenario.answer(BOB, say.rollBack(2, 3))).toBe('no-rollback-target');
    expect(promoted(3).given(BOB, say.deprecate(1)).answer(BOB, say.rollBack(3, 1))).toBe('is-deprecated');
  });

  it('refuses a repeat whose target is not what is live, and a model that is not there', () => {
    const scenario = promoted(3).given(BOB, say.rollBack(3));
    expect(scenario.answer(BOB, say.rollBack(3, 2))).toBe('nothing');
    expect(scenario.answer(BOB, say.rollBack(3, 1))).toBe('pointer-moved');
    expect(new Scenario().answer(BOB, say.rollBack(1))).toBe('model-unknown');
  });

  it('is not blocked by a gate or by missing approvals', () => {
    const scenario = promoted(2).given(CI, say.evaluate(1, 0.1)).given(ZOE, say.decide(1, 'reject'));
    expect(scenario.answer(BOB, say.rollBack(2))).toBe('model.RolledBack');
  });
});

describe('deprecate', () => {
  it('names the live version as successor unless told otherwise, and is final', () => {
    const scenario = promoted(4);
    expect(done(scenario, BOB, say.deprecate(1))).toMatchObject({
      data: { version: 1, sunset: '2026-06-01', successor: 4 },
    });
    expect(scenario.answer(BOB, say.deprecate(1, '2026-07-01'))).toBe('is-deprecated');
    expect(scenario.answer(BOB, say.deprecate(1, '2026-06-01', 3))).toBe('is-deprecated');
    expect(scenario.answer(BOB, say.deprecate(1, '2026-06-01', 4))).toBe('nothing');
    expect(done(scenario, BOB, say.deprecate(2, '2026-06-01', 3))).toMatchObject({ data: { successor: 3 } });
  });

  it('counts the notice in UTC days', () => {
    const scenario = promoted(3);
    scenario.now = '2026-03-01T23:59:59.999Z';
    expect(scenario.when(BOB, say.deprecate(1, '2026-03-30')).refused).toMatchObject({
      code: 'notice-too-short',
      facts: { earliest: '2026-03-31' },
    });
    expect(scenario.answer(BOB, say.deprecate(1, '2026-03-31'))).toBe('model.Deprecated');
  });

  it.each<[string, Command, string]>([
    ['what is live', say.deprecate(3), 'is-live'],
    ['the rollback target', say.deprecate(2), 'is-rollback-target'],
    ['the rollback target, before a short notice', say.deprecate(2, '2026-03-02'), 'is-rollback-target'],
    ['an unknown version', say.deprecate(9), 'version-unknown'],
    ['an unknown successor', say.deprecate(1, '2026-06-01', 9), 'version-unknown'],
    ['itself as successor', say.deprecate(1, '2026-06-01', 1), 'is-deprecated'],
  ])('refuses %s', (_, command, code) => {
    expect(promoted(3).answer(BOB, command)).toBe(code);
  });

  it('refuses a deprecated successor and a model that is not there', () => {
    expect(
      promoted(4)
        .given(BOB, say.deprecate(1))
        .answer(BOB, say.deprecate(2, '2026-06-01', 1)),
    ).toBe('is-deprecated');
    expect(new Scenario().answer(BOB, say.deprecate(1))).toBe('model-unknown');
  });

  it('takes a version that never went live', () => {
    expect(approved(1).answer(BOB, say.deprecate(1))).toBe('model.Deprecated');
  });
});
