import fc from 'fast-check';

import type { Fact } from './events';
import { liveVersion } from './pointer';
import { evolve, noModel } from './state';
import { runs, steps, type Step } from './testing/arbitrary';
import { liveAfterEach, whyNotAllowed } from './testing/history';
import { Scenario } from './testing/scenario';

/** Plays a sequence. Each accepted command is sent again at once: that must change nothing (evaluations and expected pointers aside). */
function play(sequence: readonly Step[]): Scenario {
  const scenario = new Scenario();
  for (const { actor, command } of sequence) {
    const before = scenario.facts.length;
    const { event } = scenario.when(actor, command);
    if (scenario.facts.length !== before + (event ? 1 : 0))
      throw new Error('I2: a refused command left an event');
    if (!event || command.verb === 'evaluate' || 'ifPointer' in command.data) continue;
    if (scenario.answer(actor, command) !== 'nothing') throw new Error(`${command.verb} again was not quiet`);
  }
  return scenario;
}

const LAWS: { readonly [law: string]: (scenario: Scenario) => void } = {
  'I2: a refused command leaves no trace in the state': ({ facts, state }) => {
    const folded = noModel();
    for (const fact of facts) evolve(folded, fact);
    expect(folded).toEqual(state);
  },

  'I4: the pointer is the fold of the log, at every position': ({ facts }) => {
    const state = noModel();
    const folded = facts.map((fact) => {
      evolve(state, fact);
      return [liveVersion(state.pointer) ?? 0, state.pointer.revision];
    });
    let moves = 0;
    const told = liveAfterEach(facts).map((live, i) => {
      if (facts[i]!.type === 'model.Promoted' || facts[i]!.type === 'model.RolledBack') moves++;
      return [live, moves];
    });
    expect(folded).toEqual(told);
  },

  'I7: whatever is live was approved as evaluated when it was promoted, or was live before': ({ facts }) => {
    const wasLive = new Set<number>();
    facts.forEach((fact, i) => {
      if (fact.type === 'model.Promoted') expect(whyNotAllowed(facts, i)).toBeNull();
      if (fact.type === 'model.RolledBack' && fact.data.to) expect(wasLive).toContain(fact.data.to.version);
      if (fact.type === 'model.Promoted') wasLive.add(fact.data.version);
    });
  },

  'a version that a rollback has left is live again only by promotion': ({ facts }) => {
    const left = new Set<number>();
    for (const fact of facts) {
      if (fact.type === 'model.RolledBack') {
        expect(left).not.toContain(fact.data.to?.version);
        left.add(fact.data.from.version);
      }
      if (fact.type === 'model.Promoted') left.delete(fact.data.version);
    }
  },

  'what is live or the rollback target is never deprecated': ({ facts, state }) => {
    const deprecated = facts.flatMap((fact) => (fact.type === 'model.Deprecated' ? [fact.data.version] : []));
    expect(deprecated).not.toContain(liveVersion(state.pointer));
  },
};

const RUNS = runs(5_000);

it('the laws hold after every sequence of commands', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const scenario = play(sequence);
      for (const [law, holds] of Object.entries(LAWS)) {
        try {
          holds(scenario);
        } catch (error) {
          throw new Error(`broken: ${law}`, { cause: error });
        }
      }
    }),
    RUNS,
  );
}, 600_000);

it('the sequences are worth something: they promote, roll back and deprecate', () => {
  const seen: Partial<Record<Fact['type'], number>> = {};
  for (const sequence of fc.sample(steps, { numRuns: 2_000, seed: RUNS.seed }))
    for (const { type } of play(sequence).facts) seen[type] = (seen[type] ?? 0) + 1;
  expect(Object.keys(seen)).toHaveLength(7);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
});
