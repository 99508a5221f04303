import fc from 'fast-check';

import type { Command } from '../commands';
import type { Actor } from '../events';
import { ANN, BOB, CI, digest, say } from './scenario';

/** Who does what. Few versions, suites and people, so that commands meet each other. */
export type Step = { readonly actor: Actor; readonly command: Command };

const actor = fc.constantFrom<Actor>(CI, ANN, BOB, { id: 'zoe', kind: 'user' });
const version = fc.integer({ min: 1, max: 5 });
const pointer = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 6 });
const score = fc.constantFrom(0.85, 0.89, 0.9, 0.91, 0.95);
const bound = fc.constantFrom<object>(
  { min: 0.88 },
  { min: 0.8, maxRegression: 0.02 },
  { maxRegression: 0, better: 'higher' },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ what: fc.integer({ min: 1, max: 6 }) })
      .map(({ what }) => say.register(`v${what}`)),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ version, score, bound, suite: fc.constantFrom('a', 'b') })
      .map(({ version, score, bound, suite }) => say.evaluate(version, score, { bound, suite })),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({
        version,
        decision: fc.constantFrom(
          'approve' as const,
          'approve' as const,
          'approve' as const,
          'reject' as const,
        ),
      })
      .map(({ version, decision }) => say.decide(version, decision)),
  },
  {
    weight: 6,
    arbitrary: fc.record({ version, pointer }).map(({ version, pointer }) => say.promote(version, pointer)),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        version,
        to: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 2 }),
        pointer,
      })
      .map(({ version, to, pointer }) => say.rollBack(version, to, pointer)),
  },
  { weight: 1, arbitrary: version.map((n) => say.rollBack(digest(`v${n}`))) },
  { weight: 4, arbitrary: version.map((n) => say.deprecate(n)) },
);

const step = fc.record({ actor, command });

/** The whole way of one version to live: chance alone rarely gets that far. */
const life: fc.Arbitrary<Step[]> = version.map((n) => [
  { actor: CI, command: say.register(`v${n}`) },
  { actor: CI, command: say.evaluate(n, 0.95, { suite: 'a' }) },
  { actor: ANN, command: say.decide(n) },
  { actor: BOB, command: say.promote(n) },
]);

/** Sequences of at most 60 commands on one model. */
export const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof({ weight: 4, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: life }), {
    maxLength: 60,
    size: 'max',
  })
  .map((chunks) => chunks.flat().slice(0, 60));

/** How many sequences: what CI runs, times GATEHOUSE_TEST_SCALE (a nightly run takes ten times as many). */
export function runs(count: number): { numRuns: number; seed: number } {
  const seed = Number(process.env['GATEHOUSE_TEST_SEED'] ?? Date.now() % 2 ** 31);
  // A law that fails is run again with the seed it failed with.
  process.stdout.write(`fast-check seed ${seed}: GATEHOUSE_TEST_SEED=${seed} runs the same again\n`);
  return { numRuns: Math.ceil(count * Number(process.env['GATEHOUSE_TEST_SCALE'] ?? 1)), seed };
}
