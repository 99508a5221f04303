import fc from 'fast-check';

import type { Actor } from './events';
import { commonName, matchesPattern, specificity } from './patterns';
import {
  decidePolicy,
  decodePolicy,
  evolvePolicy,
  governing,
  noPolicies,
  type PolicyCommand,
  type PolicyEvent,
} from './policy';
import type { PolicyDocument } from './policy-document';
import { Rejected } from './rejections';
import { ANN, BOB, digest, NOON } from './testing/scenario';

/** The policies of a tenant, by commands. */
class Rules {
  readonly state = noPolicies();
  /** Who made a key. */
  readonly makers: Record<string, string[]> = {};
  private revision = 0n;

  answer(actor: Actor, command: PolicyCommand): string {
    try {
      const [event] = decidePolicy(command, this.state, this.acting(actor));
      if (!event) return 'nothing';
      this.record(actor, event);
      return event.type;
    } catch (error) {
      if (error instanceof Rejected) return error.code;
      throw error;
    }
  }

  /** Everybody has one key. */
  private acting(actor: Actor) {
    const makersOf = (key: string) => this.makers[key] ?? [];
    return { actor, makers: makersOf(`k-${actor.id}`), makersOf };
  }

  given(actor: Actor, command: PolicyCommand): this {
    expect(this.answer(actor, command)).toMatch(/^policy\.[A-Z]/);
    return this;
  }

  private record(actor: Actor, { type, data }: PolicyEvent): void {
    const auth = { method: 'key', credential: `k-${actor.id}` };
    const meta = { time: NOON, actor, auth, schema: 1 };
    const revision = this.revision++;
    const stored = { id: 'x', type, data: JSON.parse(JSON.stringify(data)) as object as never, meta };
    evolvePolicy(this.state, decodePolicy({ ...stored, revision, position: revision }));
  }
}

const publish = (policy: string, models: string[], more: Partial<PolicyDocument> = {}): PolicyCommand => {
  const document = { policy, models, ...more };
  return { verb: 'publish', data: { document, digest: digest(document) } };
};
const activate = (policy: string, version = 1): PolicyCommand => ({
  verb: 'activate',
  data: { policy, version },
});

describe('publish', () => {
  it('numbers the versions of a name from 1, and knows what it has', () => {
    const rules = new Rules().given(ANN, publish('a', ['x'])).given(ANN, publish('a', ['y']));
    expect(rules.state.policies.get('a')!.versions.map(({ version }) => version)).toEqual([1, 2]);
    expect(rules.answer(BOB, publish('a', ['x']))).toBe('nothing');
  });

  it('changes nothing that is in force', () => {
    const rules = new Rules().given(ANN, publish('a', ['x'])).given(ANN, activate('a'));
    rules.given(ANN, publish('a', ['y']));
    expect(governing(rules.state, 'x')?.version).toBe(1);
    expect(governing(rules.state, 'y')).toBeNull();
  });
});

describe('activate', () => {
  it('knows only what was published, and is quiet about what is in force already', () => {
    const rules = new Rules().given(ANN, publish('a', ['x']));
    expect(rules.answer(ANN, activate('b'))).toBe('policy-unknown');
    expect(rules.answer(ANN, activate('a', 2))).toBe('version-unknown');
    rules.given(ANN, activate('a'));
    expect(rules.answer(ANN, activate('a'))).toBe('nothing');
  });

  it('takes four eyes where the version says so', () => {
    const rules = new Rules().given(ANN, publish('a', ['x'], { fourEyes: true }));
    expect(rules.answer(ANN, activate('a'))).toBe('own-approval');
    expect(rules.answer(BOB, activate('a'))).toBe('policy.Activated');
  });

  it.each<[string, Record<string, string[]>, string]>([
    ['made the key that wrote it', { 'k-ann': ['zoe', 'bob'] }, 'own-approval'],
    ['comes with a key that its author made', { 'k-bob': ['zoe', 'ann'] }, 'own-approval'],
    ['comes with a key of the same admin', { 'k-ann': ['zoe'], 'k-bob': ['zoe'] }, 'policy.Activated'],
  ])('takes four eyes from who %s', (_who, makers, outcome) => {
    const rules = new Rules();
    Object.assign(rules.makers, makers);
    rules.given(ANN, publish('a', ['x'], { fourEyes: true }));
    expect(rules.answer(BOB, activate('a'))).toBe(outcome);
  });

  it('nobody gets around four eyes with a version or a policy that does not ask for them', () => {
    const rules = new Rules()
      .given(ANN, publish('a', ['fraud-*'], { fourEyes: true }))
      .given(BOB, activate('a'));
    rules.given(ANN, publish('a', ['fraud-*'])).given(ANN, publish('b', ['fraud-x']));
    expect(rules.answer(ANN, activate('a', 2))).toBe('own-approval');
    expect(rules.answer(ANN, activate('b'))).toBe('own-approval');
    rules.given(ANN, publish('c', ['other']));
    expect(rules.answer(ANN, activate('c'))).toBe('policy.Activated');
  });

  it('refuses a tie, with a name that both patterns match', () => {
    const rules = new Rules().given(ANN, publish('a', ['fraud-*'])).given(ANN, activate('a'));
    rules.given(ANN, publish('b', ['*-fraud'])).given(ANN, publish('c', ['fraud-eu*']));
    expect(rules.answer(ANN, activate('b'))).toBe('policy-tie');
    expect(rules.answer(ANN, activate('c'))).toBe('policy.Activated');
    expect(governing(rules.state, 'fraud-eu-1')?.policy).toBe('c');
    expect(governing(rules.state, 'fraud-us-1')?.policy).toBe('a');
  });
});

it('remembers the last hundred activations', () => {
  const rules = new Rules().given(ANN, publish('a', ['a'])).given(ANN, publish('a', ['a', 'b']));
  for (let n = 0; n < 101; n++) rules.given(ANN, activate('a', 1 + (n % 2)));
  const { activations } = rules.state.policies.get('a')!;
  expect(activations).toHaveLength(100);
  expect([activations[0], activations.at(-1)]).toMatchObject([
    { version: 2, replaces: 1 },
    { version: 1, replaces: 2 },
  ]);
});

describe('patterns', () => {
  it('a name is more specific than any pattern, and of patterns the one with more characters', () => {
    expect(specificity('a')).toBeGreaterThan(specificity('aaaaaaaaaa*'));
    expect(specificity('ab*')).toBeGreaterThan(specificity('*a*'));
  });

  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 6 });

  it('match what a regular expression would match', () => {
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (glob, name) => {
        expect(matchesPattern(glob, name)).toBe(new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name));
      }),
    );
  });

  it('have a name in common exactly when there is one', () => {
    const names = [''];
    for (let i = 0; names[i]!.length < 7; i++) names.push(`${names[i]}a`, `${names[i]}b`);
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const common = commonName(a, b);
        if (common !== undefined) expect([a, b].every((glob) => matchesPattern(glob, common))).toBe(true);
        else expect(names.filter((name) => matchesPattern(a, name) && matchesPattern(b, name))).toEqual([]);
      }),
    );
  });

  it('have a name in common that a model can have', () => {
    expect(commonName('*', '*-x')).toMatch(/^[a-z0-9][a-z0-9._-]{0,127}$/);
    const [one, other] = [`*${'-a'.repeat(31)}*`, `*${'-b'.repeat(31)}*`];
    expect(commonName(one, other)).toMatch(/^[a-z0-9][a-z0-9._-]{0,127}$/);
  });

  it('take no time to speak of, however they are made', () => {
    const stars = 'a*'.repeat(32);
    // Of a processor: other processes want the machine, too.
    const start = process.cpuUsage();
    for (let i = 0; i < 100; i++) {
      matchesPattern(`${stars}b`, 'a'.repeat(128));
      commonName(`${stars}b`, `${'*a'.repeat(32)}c`);
    }
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(50);
  });
});
