import type { Fact } from './events';
import { evolve, noModel } from './state';
import { BOB, promoted, say } from './testing/scenario';

/** A fact whose meta and data are there only for who asks by name, as a store hands them out that parses late. */
class Late {
  readonly #fact: Fact;
  readonly id: string;
  readonly type: string;
  readonly revision: bigint;
  readonly position: bigint;

  constructor(fact: Fact) {
    this.#fact = fact;
    this.id = fact.id;
    this.type = fact.type;
    this.revision = fact.revision;
    this.position = fact.position;
  }

  get meta() {
    return this.#fact.meta;
  }

  get data() {
    return this.#fact.data;
  }
}

it('remembers the last move of the pointer from facts that parse late', () => {
  const { facts, state } = promoted(2).given(BOB, say.rollBack(2));
  for (const history of [facts, facts.slice(0, -1)]) {
    const [folded, expected] = [noModel(), noModel()];
    for (const fact of history) {
      evolve(folded, new Late(fact) as unknown as Fact);
      evolve(expected, fact);
    }
    expect(folded.lastMove).toEqual(expected.lastMove);
    expect(folded.lastMove?.meta.actor).toEqual(BOB);
  }
  expect(state.lastMove?.type).toBe('model.RolledBack');
});
