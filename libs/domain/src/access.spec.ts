import { ACCESS_LIMITS, decideAccess, standingGrant, type AccessCommand } from './access';
import { grantedGroups, holdsCapacity, mayReview, noAccess, rolesOfKey, rolesOfPerson } from './access-state';
import { Rejected } from './rejections';
import type { RoleGrant } from './roles';
import { ADMIN, EVERY, HASH, NOW, Tenant, grant, key, revoke, withdraw, type Who } from './testing/tenant';

const REVIEWER: RoleGrant = { role: 'reviewer' };
const BOB = { id: 'bob', kind: 'user' } as const;

describe('an admin who has lost every key', () => {
  const recover = (id: string): AccessCommand => ({
    verb: 'recoverAdmin',
    data: { key: id, actor: ADMIN, roles: EVERY, hash: HASH },
  });
  const operator: Who = { actor: { id: 'gatehouse', kind: 'service' }, roles: [] };

  it('gets another one from whoever runs the machine, and it is recorded like any key', () => {
    const tenant = new Tenant();
    expect(tenant.run(recover('k1'), operator)).toBe(1);
    expect(tenant.state.keys.get('k1')).toMatchObject({
      actor: ADMIN,
      roles: EVERY,
      issuedBy: operator.actor,
      revokedAt: null,
    });
  });

  it('gets it where there are as many keys as there may be, too', () => {
    const tenant = new Tenant();
    const [any] = tenant.state.keys.values();
    for (let n = 1; n < ACCESS_LIMITS.keys; n++) tenant.state.keys.set(`k${n}`, any!);
    expect(tenant.refusal(key('more', 'bob', [REVIEWER]))).toBe('too-many');
    expect(tenant.run(recover('more'), operator)).toBe(1);
  });

  it('is of a tenant that there is', () => {
    const context = { now: NOW, actor: ADMIN, roles: EVERY, groups: [], makers: [], people: true };
    expect(() => decideAccess(recover('k1'), noAccess(), context)).toThrow('no such tenant');
  });
});

describe('nobody gives themselves a role', () => {
  const onlyAdmin = { roles: [{ role: 'admin' }] } as const;

  it.each<[string, AccessCommand]>([
    ['by a key of their own', key('k1', 'admin', [REVIEWER])],
    ['by a grant', grant('g1', { actor: 'admin' }, REVIEWER)],
    ['by a grant to their key', grant('g1', { key: 'k0' }, REVIEWER)],
    ['by a grant to a group they are in', grant('g1', { group: 'ops' }, REVIEWER)],
    [
      'with more models than they have',
      key('k1', 'admin', [{ role: 'admin' }, { ...REVIEWER, models: 'a-*' }]),
    ],
  ])('%s', (_how, command) => {
    expect(new Tenant().refusal(command, { ...onlyAdmin, groups: ['ops'] })).toBe('own-grant');
  });

  it('but a key of their own may carry what they have, or less of it', () => {
    const tenant = new Tenant();
    expect(tenant.run(key('k1', 'admin', EVERY))).toBe(1);
    expect(tenant.run(key('k2', 'admin', [{ role: 'reviewer', models: 'fraud-*' }]))).toBe(1);
    const limited: Who = { roles: [{ role: 'admin' }, { role: 'reviewer', models: 'fraud-*' }] };
    expect(tenant.refusal(key('k3', 'admin', [REVIEWER]), limited)).toBe('own-grant');
    const plain: Who = { roles: [{ role: 'admin' }, REVIEWER] };
    expect(tenant.refusal(key('k3', 'admin', [{ ...REVIEWER, capacity: 'tech-lead' }]), plain)).toBe(
      'own-grant',
    );
  });

  it.each<[string, AccessCommand]>([
    ['by a grant', grant('g1', { actor: 'admin' }, { role: 'admin' })],
    ['by a grant to their key', grant('g1', { key: 'k0' }, { role: 'admin' })],
    ['by a grant to a group they are in', grant('g1', { group: 'ops' }, { role: 'admin' })],
  ])('also not one that they have, %s', (_how, command) => {
    expect(new Tenant().refusal(command, { groups: ['ops'] })).toBe('own-grant');
    const tenant = new Tenant();
    tenant.run(command, { actor: BOB });
    expect(tenant.refusal(command, { groups: ['ops'] })).toBe('own-grant');
  });

  it.each<[string, AccessCommand]>([
    ['by a grant', grant('g1', { actor: 'admin' }, REVIEWER)],
    ['by a grant that stands', grant('g2', { actor: 'admin' }, { role: 'auditor' })],
    ['by a grant to their key', grant('g1', { key: 'mine' }, REVIEWER)],
    ['by a key', key('k1', 'admin', [REVIEWER])],
    ['by a key for more models', key('k1', 'admin', [{ role: 'operator' }])],
  ])('through a key of their own making, %s', (_how, command) => {
    const tenant = new Tenant();
    tenant.run(key('mine', 'admin', [{ role: 'admin' }, { role: 'operator', models: 'a-*' }]));
    tenant.run(revoke('k0'));
    tenant.run(grant('g0', { actor: 'admin' }, { role: 'auditor' }), { actor: BOB });
    // The key `straw` of a robot was made by a key that `admin` made.
    const through: Who = {
      actor: { id: 'robot', kind: 'service' },
      makers: ['middle', 'admin', 'gatehouse'],
    };
    expect(tenant.refusal(command, through)).toBe('own-grant');
    // What they have they may be given a key for; and others may be given anything.
    const same = key('k2', 'admin', [{ role: 'operator', models: 'a-*' }, { role: 'auditor' }]);
    expect(tenant.run(same, through)).toBe(1);
    expect(tenant.run(grant('g3', { actor: 'zoe' }, REVIEWER), through)).toBe(1);
  });

  describe('and nothing that they have for a time for good, through a key for themselves', () => {
    const soon = '2026-03-02T00:00:00.000Z';
    const later = '2026-03-03T00:00:00.000Z';
    const auditor: RoleGrant = { role: 'auditor' };

    it.each<[string, string, Who, string | undefined, string]>([
      ['that does not expire', 'admin', { expires: soon }, undefined, 'own-grant'],
      ['that expires later', 'admin', { expires: soon }, later, 'own-grant'],
      ['that expires with it', 'admin', { expires: soon }, soon, '1 events'],
      ['made with one that does not expire', 'admin', {}, undefined, '1 events'],
      ['for another', 'zoe', { expires: soon }, undefined, '1 events'],
      ['for who made it', 'admin', { actor: BOB, makers: ['admin'], expires: soon }, later, 'own-grant'],
    ])('%s', (_what, actor, who, expires, outcome) => {
      expect(new Tenant().refusal(key('k1', actor, [auditor], expires), who)).toBe(outcome);
    });

    it.each<[string, string | undefined, string]>([
      ['that does not expire', undefined, 'own-grant'],
      ['that expires later', later, 'own-grant'],
      ['that expires with what they have', soon, '1 events'],
    ])('through a key of their own making that lasts, %s', (_what, expires, outcome) => {
      const tenant = new Tenant();
      tenant.run(key('hers', 'tess', [{ role: 'admin' }, REVIEWER], soon));
      tenant.run(key('lasting', 'tess', [auditor]));
      tenant.run(grant('g1', { actor: 'tess' }, { role: 'operator' }));
      const straw: Who = { actor: BOB, makers: ['carl', 'tess', 'admin'], credential: 'straw' };
      expect(tenant.refusal(key('k1', 'tess', [REVIEWER], expires), straw)).toBe(outcome);
      // What they have for good, and what those have who made their key, they may still be given a key for.
      expect(tenant.run(key('k2', 'tess', [auditor, { role: 'operator' }], expires), straw)).toBe(1);
      expect(tenant.run(key('k3', 'admin', EVERY, expires), straw)).toBe(1);
    });

    it('that carries a role of their group', () => {
      const tenant = new Tenant();
      tenant.run(grant('g1', { group: 'ops' }, auditor));
      tenant.run(grant('g2', { actor: 'bob' }, { role: 'reader' }));
      const who: Who = { actor: BOB, roles: [auditor, { role: 'reader' }], groups: ['ops'] };
      expect(tenant.refusal(key('k1', 'bob', [auditor]), who)).toBe('own-grant');
      expect(tenant.run(key('k1', 'bob', [{ role: 'reader' }]), who)).toBe(1);
    });
  });

  it('and another admin may give it to them', () => {
    expect(new Tenant().run(grant('g1', { actor: 'admin' }, REVIEWER), { actor: BOB })).toBe(1);
  });
});

describe('the last admin', () => {
  it('cannot be removed, until there is another one', () => {
    const tenant = new Tenant();
    expect(tenant.refusal(revoke('k0'))).toBe('last-admin');
    tenant.run(grant('g1', { actor: 'bob' }, { role: 'admin' }));
    expect(tenant.run(revoke('k0'))).toBe(1);
    expect(tenant.refusal(withdraw('g1'))).toBe('last-admin');
  });

  it.each<[string, AccessCommand[]]>([
    [
      'a group is no admin: who is in it is not ours to say',
      [grant('g1', { group: 'ops' }, { role: 'admin' })],
    ],
    ['an admin of some models is none', [grant('g1', { actor: 'bob' }, { role: 'admin', models: 'a-*' })]],
    ['a key that expires is none', [key('k1', 'bob', [{ role: 'admin' }], '2026-03-02T00:00:00.000Z')]],
    ['a key that was revoked is none', [key('k1', 'bob', [{ role: 'admin' }]), revoke('k1')]],
  ])('stays: %s', (_why, commands) => {
    const tenant = new Tenant();
    for (const command of commands) tenant.run(command);
    expect(tenant.refusal(revoke('k0'))).toBe('last-admin');
  });

  it('stays where people cannot come: a grant to a person is of no use there', () => {
    const without: Who = { people: false };
    const tenant = new Tenant();
    tenant.run(grant('g1', { actor: 'bob' }, { role: 'admin' }), without);
    expect(tenant.refusal(revoke('k0'), without)).toBe('last-admin');
    tenant.run(key('k1', 'bob', [{ role: 'admin' }]), without);
    expect(tenant.run(withdraw('g1'), without)).toBe(1);
    expect(tenant.run(revoke('k0'), without)).toBe(1);
    expect(tenant.refusal(revoke('k1'), without)).toBe('last-admin');
  });

  it('whose key expires stays while it is the only one', () => {
    const tenant = new Tenant();
    tenant.run(key('k1', 'bob', [{ role: 'admin' }], '2026-03-02T00:00:00.000Z'));
    const key0 = tenant.state.keys.get('k0')!;
    key0.revokedAt = NOW;
    expect(tenant.refusal(revoke('k1'))).toBe('last-admin');
  });
});

describe('keys', () => {
  it('cannot have expired before they are made, and end when they are revoked, once', () => {
    const tenant = new Tenant();
    expect(tenant.refusal(key('k1', 'bob', [REVIEWER], NOW))).toBe('expires-too-soon');
    tenant.run(key('k1', 'bob', [REVIEWER]));
    expect([tenant.run(revoke('k1')), tenant.run(revoke('k1'))]).toEqual([1, 0]);
    expect(tenant.refusal(revoke('none'))).toBe('key-unknown');
  });

  it('are limited in number while they are in force, and those that ended are not for ever in the way', () => {
    const tenant = new Tenant();
    const any = tenant.state.keys.get('k0')!;
    const past = '2026-02-01T00:00:00.000Z';
    for (let n = 0; n < ACCESS_LIMITS.keys; n++)
      tenant.state.keys.set(`old${n}`, { ...any, ...(n % 2 ? { revokedAt: past } : { expires: past }) });
    expect(tenant.run(key('k1', 'bob', [REVIEWER]))).toBe(1);
    for (let n = 2; n < ACCESS_LIMITS.keys; n++) tenant.state.keys.set(`k${n}`, any);
    expect(tenant.refusal(key('more', 'bob', [REVIEWER]))).toBe('too-many');
    tenant.run(revoke('k1'));
    expect(tenant.run(key('more', 'bob', [REVIEWER]))).toBe(1);
    tenant.run(revoke('more'));
    for (let n = 0; tenant.state.keys.size < ACCESS_LIMITS.keysOfAYear; n++)
      tenant.state.keys.set(`gone${n}`, { ...any, revokedAt: past });
    const more = key('yet more', 'bob', [REVIEWER]);
    expect(tenant.refusal(more)).toBe('too-many');
    // A year after it ended a key is no longer in the way.
    tenant.state.keys.set('gone0', { ...any, revokedAt: '2025-02-28T00:00:00.000Z' });
    expect(tenant.run(more)).toBe(1);
  });

  it('know who made them, and who made the key that they were made with', () => {
    const tenant = new Tenant();
    tenant.run(key('k1', 'bob', [{ role: 'admin' }]));
    tenant.run(key('k2', 'zoe', [REVIEWER]), { actor: BOB, credential: 'k1' });
    expect(tenant.state.keys.get('k2')!.makers).toEqual(['bob', 'admin', 'gatehouse']);
  });

  it('may do what they were issued with and what was granted to them, not what their actor was granted', () => {
    const tenant = new Tenant();
    tenant.run(key('k1', 'bob', [REVIEWER]));
    tenant.run(grant('g1', { key: 'k1' }, { role: 'reader', models: 'a-*' }));
    tenant.run(grant('g2', { actor: 'bob' }, { role: 'operator' }));
    expect(rolesOfKey(tenant.state, tenant.state.keys.get('k1')!)).toEqual([
      REVIEWER,
      { role: 'reader', models: 'a-*' },
    ]);
  });
});

describe('grants', () => {
  it('that stand are not made again; withdrawn twice is once; an unknown one is refused', () => {
    const tenant = new Tenant();
    const asked = { to: { actor: 'bob' }, ...REVIEWER };
    expect(tenant.run(grant('g1', asked.to, REVIEWER))).toBe(1);
    expect(tenant.run(grant('g2', asked.to, REVIEWER))).toBe(0);
    expect(standingGrant(asked, tenant.state)?.grant).toBe('g1');
    expect([tenant.run(withdraw('g1')), tenant.run(withdraw('g1'))]).toEqual([1, 0]);
    expect(tenant.refusal(withdraw('g9'))).toBe('grant-unknown');
    expect(tenant.run(grant('g3', asked.to, REVIEWER))).toBe(1);
  });

  it('to a key that there is not, or no more, are refused', () => {
    const tenant = new Tenant();
    expect(tenant.refusal(grant('g1', { key: 'k9' }, REVIEWER))).toBe('key-unknown');
    tenant.run(key('k1', 'bob', [REVIEWER]));
    tenant.run(revoke('k1'));
    expect(tenant.refusal(grant('g1', { key: 'k1' }, REVIEWER))).toBe('key-unknown');
  });

  it('to a person and to their groups are what a person may do', () => {
    const tenant = new Tenant();
    tenant.run(grant('g1', { actor: 'zoe' }, REVIEWER));
    tenant.run(grant('g2', { group: 'ops' }, { role: 'operator' }));
    tenant.run(grant('g3', { group: 'other' }, { role: 'auditor' }));
    expect(rolesOfPerson(tenant.state, 'zoe', ['ops'])).toEqual([REVIEWER, { role: 'operator' }]);
  });

  it('are listed once, in the order in which they were given, and no longer once they are withdrawn', () => {
    const tenant = new Tenant();
    tenant.run(grant('g1', { group: 'ops' }, { role: 'operator' }));
    tenant.run(grant('g2', { actor: 'zoe' }, { role: 'auditor' }));
    tenant.run(grant('g3', { group: 'ops' }, REVIEWER));
    const roles = () => rolesOfPerson(tenant.state, 'zoe', ['ops', 'none', 'ops']).map(({ role }) => role);
    expect(roles()).toEqual(['operator', 'auditor', 'reviewer']);
    tenant.run(withdraw('g1'));
    tenant.run(grant('g4', { group: 'ops' }, { role: 'operator' }));
    expect(roles()).toEqual(['auditor', 'reviewer', 'operator']);
    for (const id of ['g2', 'g3', 'g4']) tenant.run(withdraw(id));
    expect([roles(), tenant.state.grantsTo.size]).toEqual([[], 0]);
  });

  it('of a kind are not those of another of the same name', () => {
    const tenant = new Tenant();
    tenant.run(grant('g1', { group: 'zoe' }, REVIEWER));
    tenant.run(grant('g2', { actor: 'ops' }, REVIEWER));
    expect(rolesOfPerson(tenant.state, 'zoe', ['ops', 'k0'])).toEqual([]);
    expect(grantedGroups(tenant.state, ['ops', 'zoe'], 'm')).toEqual(['zoe']);
  });

  it('to others are not gone through to find out what somebody may do', () => {
    const tenant = new Tenant();
    tenant.run(grant('g1', { actor: 'zoe' }, REVIEWER));
    tenant.run(grant('g2', { group: 'ops' }, REVIEWER));
    tenant.run(grant('g3', { key: 'k0' }, REVIEWER), { actor: BOB });
    const { state } = tenant;
    const through = () => {
      throw new Error('went through all grants');
    };
    Object.assign(state.grants, { values: through, entries: through, forEach: through });
    expect(rolesOfPerson(state, 'zoe', ['ops'])).toHaveLength(2);
    expect(rolesOfKey(state, state.keys.get('k0')!)).toHaveLength(EVERY.length + 1);
    expect(grantedGroups(state, ['ops', 'other'], 'm')).toEqual(['ops']);
    expect(mayReview(state, { actor: 'zoe', groups: ['ops'] }, { model: 'm', now: NOW })).toBe(true);
    expect(standingGrant({ to: { group: 'ops' }, ...REVIEWER }, state)?.grant).toBe('g2');
  });
});

describe('a capacity', () => {
  const RISK: RoleGrant = { role: 'reviewer', models: 'fraud-*', capacity: 'risk-officer' };
  const about = { model: 'fraud-1', capacity: 'risk-officer', now: NOW };

  it('is held through a grant, a key in force, or a group, on the models that it is limited to', () => {
    const tenant = new Tenant();
    tenant.run(grant('g1', { actor: 'zoe' }, RISK));
    tenant.run(key('k1', 'bob', [RISK]));
    tenant.run(grant('g2', { group: 'risk' }, RISK));
    const holds = (actor: string, groups: string[] = [], more = {}) =>
      holdsCapacity(tenant.state, { actor, groups }, { ...about, ...more });
    expect([holds('zoe'), holds('bob'), holds('eve'), holds('eve', ['risk'])]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect([holds('zoe', [], { model: 'credit' }), holds('zoe', [], { capacity: 'tech-lead' })]).toEqual([
      false,
      false,
    ]);
    tenant.run(withdraw('g1'));
    tenant.run(revoke('k1'));
    expect([holds('zoe'), holds('bob')]).toEqual([false, false]);
  });
});

describe('a tenant', () => {
  it('is opened once, and can be suspended and go on', () => {
    const tenant = new Tenant();
    const again = { key: 'k9', actor: ADMIN, roles: EVERY, hash: HASH };
    expect(tenant.run({ verb: 'openTenant', data: again })).toBe(0);
    expect(tenant.run({ verb: 'suspendTenant', data: {} })).toBe(1);
    expect(tenant.run({ verb: 'suspendTenant', data: {} })).toBe(0);
    expect(tenant.state.suspendedAt).toBe(NOW);
    expect(tenant.run({ verb: 'resumeTenant', data: {} })).toBe(1);
    expect(tenant.state.suspendedAt).toBeNull();
  });

  it('that was never opened is unknown', () => {
    const context = { actor: ADMIN, roles: [], groups: [], makers: [], people: true, now: NOW };
    expect(() => decideAccess({ verb: 'suspendTenant', data: {} }, noAccess(), context)).toThrow(Rejected);
  });
});
