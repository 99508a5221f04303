import fc from 'fast-check';

import type { AccessCommand } from './access';
import type { Grantee } from './access-events';
import { isInForce, rolesOfActor, rolesOfKey, rolesOfPerson, type Key } from './access-state';
import { includesRole, permits, type RoleGrant } from './roles';
import { runs } from './testing/arbitrary';
import { Tenant, grant, key, revoke, withdraw, type Who } from './testing/tenant';

const HOURS = [12, 13, 14, 15, 16].map((hour) => `2026-03-01T${hour}:00:00.000Z`);
const NEVER_ENDING = '2030-01-01T00:00:00.000Z';
const TESS = { id: 'tess', kind: 'user' } as const;

const others = [{ role: 'reviewer' }, { role: 'reviewer', models: 'a-*' }, { role: 'operator' }] as const;
const role = fc.constantFrom<RoleGrant>({ role: 'admin' }, ...others);
const roles = fc
  .record({ isAdmin: fc.boolean(), more: fc.subarray<RoleGrant>([...others]) })
  .map(({ isAdmin, more }) => (isAdmin ? [{ role: 'admin' } as const, ...more] : more));
const expires = fc.constantFrom(undefined, ...HOURS.slice(1));
const kind = fc.constantFrom('actor', 'key', 'group');

/** What other admins gave to tess. */
const gifts = fc.record({
  keys: fc.array(fc.record({ roles, expires }), { minLength: 1, maxLength: 3 }),
  grants: fc.array(fc.record({ kind, role }), { maxLength: 3 }),
});
/** What she does, `wait` hours after what she did before. `by` and `which` count round what there is. */
const step = fc.record({
  wait: fc.constantFrom(0, 0, 0, 1),
  by: fc.nat(20),
  verb: fc.constantFrom('issueKey', 'issueKey', 'issueKey', 'grant', 'revokeKey', 'withdraw'),
  actor: fc.constantFrom('tess', 'tess', 'bert', 'carl'),
  roles,
  expires,
  role,
  kind,
  which: fc.nat(20),
});
const steps = fc.array(step, { minLength: 5, maxLength: 25, size: 'max' });
type Gifts = typeof gifts extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Tess, in the group `ops`, with what she was given. She has every key in hand that she makes, or that is made with one of those. */
class Tess {
  readonly tenant = new Tenant();
  private hour = 0;
  private made = 0;
  readonly done: AccessCommand[] = [];
  readonly refused: AccessCommand[] = [];

  constructor({ keys, grants }: Gifts) {
    keys.forEach(({ roles, expires }, n) => this.tenant.run(key(`t${n}`, 'tess', roles, expires)));
    grants.forEach(({ kind, role }, n) => this.tenant.run(grant(`g${n}`, grantee(kind, 'tess', 't0'), role)));
  }

  get now(): string {
    return HOURS[this.hour]!;
  }

  /** What she may do for herself at an instant from now on, if nobody does anything more. */
  rolesAt(instant: string): readonly RoleGrant[] {
    return rolesOfActor(this.tenant.state, { actor: 'tess' }, instant);
  }

  do({ wait, by, ...step }: Step): void {
    this.hour = Math.min(this.hour + wait, HOURS.length - 1);
    const hands = [undefined, ...this.keys().filter((one) => isInForce(one, this.now))];
    const who = this.with(hands[by % hands.length]);
    const command = this.commandOf(step);
    if (!permits(who.roles ?? [], command.verb === 'grant' ? 'grant' : 'issue-key')) return;
    const came = this.tenant.refusal(command, who);
    (came.endsWith(' events') ? this.done : this.refused).push(command);
  }

  private commandOf({ verb, actor, roles, expires, role, kind, which }: Omit<Step, 'wait' | 'by'>) {
    const [keys, grants] = [this.keys(), [...this.tenant.state.grants.keys()]];
    const one = keys[which % keys.length]!.key;
    if (verb === 'revokeKey') return revoke(one);
    if (verb === 'withdraw') return withdraw(grants[which % grants.length] ?? 'none');
    const id = `made${this.made++}`;
    return verb === 'grant' ? grant(id, grantee(kind, actor, one), role) : key(id, actor, roles, expires);
  }

  private keys(): Key[] {
    const { keys } = this.tenant.state;
    return [...keys.values()].filter(({ actor, makers }) => actor.id === 'tess' || makers.includes('tess'));
  }

  /** As a request comes, with this key or with a token. */
  private with(one: Key | undefined): Who {
    const { state } = this.tenant;
    const { now } = this;
    if (one) {
      const { key: credential, actor, makers, expires } = one;
      return { credential, actor, makers, expires, roles: rolesOfKey(state, one), now };
    }
    const groups = ['ops'];
    return { credential: null, actor: TESS, groups, roles: rolesOfPerson(state, 'tess', groups), now };
  }
}

function grantee(kind: string, actor: string, key: string): Grantee {
  if (kind === 'actor') return { actor };
  return kind === 'key' ? { key } : { group: 'ops' };
}

const RUNS = runs(5_000);

it('nobody comes to hold more than others gave them, at any time, whatever they do with it', () => {
  fc.assert(
    fc.property(gifts, steps, (gifts, steps) => {
      const tess = new Tess(gifts);
      const instants = [...HOURS, NEVER_ENDING];
      const given = new Map(instants.map((instant) => [instant, tess.rolesAt(instant)]));
      for (const step of steps) tess.do(step);
      for (const instant of instants.filter((one) => one >= tess.now)) {
        const more = tess
          .rolesAt(instant)
          .filter((role) => !given.get(instant)!.some((one) => includesRole(one, role)));
        expect({ instant, more }).toEqual({ instant, more: [] });
      }
    }),
    RUNS,
  );
}, 600_000);

it('a grant is found by whom it is for while it stands, and by nobody else', () => {
  fc.assert(
    fc.property(gifts, steps, (gifts, steps) => {
      const tess = new Tess(gifts);
      for (const step of steps) tess.do(step);
      const { grants, grantsTo } = tess.tenant.state;
      const found = [...grantsTo.values()].map((theirs) => [...theirs.values()]);
      expect(found.flat().sort((a, b) => a.nth - b.nth)).toEqual([...grants.values()]);
      // Each of them under one name, and none that has nothing.
      for (const theirs of found)
        expect(new Set(theirs.map(({ to }) => JSON.stringify(to)))).toMatchObject({ size: 1 });
    }),
    runs(1_000),
  );
}, 600_000);

it('the sequences are worth something: keys for oneself are made, and refused', () => {
  const own = (commands: readonly AccessCommand[]) =>
    commands.filter(({ verb, data }) => verb === 'issueKey' && data.actor.id === 'tess').length;
  const seen = { made: 0, refused: 0 };
  const sample = fc.sample(fc.tuple(gifts, steps), { numRuns: 1_000, seed: RUNS.seed });
  for (const [gifts, steps] of sample) {
    const tess = new Tess(gifts);
    for (const step of steps) tess.do(step);
    seen.made += own(tess.done);
    seen.refused += own(tess.refused);
  }
  // Some 210 and 730 are: fewer than these are not by chance.
  expect(seen.made).toBeGreaterThan(50);
  expect(seen.refused).toBeGreaterThan(300);
});
