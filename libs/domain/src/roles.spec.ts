import {
  beginningsOf,
  capacitiesOn,
  includesRole,
  PERMISSIONS,
  permits,
  ROLES,
  type OperationName,
  type Permission,
} from './roles';

const OPERATIONS = Object.keys(PERMISSIONS) as OperationName[];

it.each(OPERATIONS)('%s is allowed to the roles that the table names, and to no other', (operation) => {
  const { roles, scope }: Permission = PERMISSIONS[operation];
  const allowed = ROLES.filter((role) => permits([{ role }], operation, 'm'));
  expect(allowed).toEqual(scope === 'self' ? ROLES : ROLES.filter((role) => roles.includes(role)));
});

it('no role implies another: each allows something that no other role does, or is one of few that do', () => {
  const allowedTo = (role: (typeof ROLES)[number]) =>
    OPERATIONS.filter((operation) => permits([{ role }], operation, 'm'));
  expect(allowedTo('admin')).not.toContain('approve');
  expect(allowedTo('admin')).not.toContain('read');
  for (const acting of ['register', 'evaluate', 'approve', 'promote', 'roll-back'] as const)
    expect(ROLES.filter((role) => allowedTo(role).includes(acting))).toHaveLength(1);
});

it('a role for some models holds for these alone, and for nothing of the tenant as a whole', () => {
  const some = (role: (typeof ROLES)[number]) => [{ role, models: 'fraud-*' }];
  expect(permits(some('releaser'), 'promote', 'fraud-1')).toBe(true);
  expect(permits(some('releaser'), 'promote', 'credit')).toBe(false);
  expect(permits(some('releaser'), 'promote')).toBe(false);
  expect(permits(some('reader'), 'list')).toBe(true);
  expect(permits(some('admin'), 'issue-key')).toBe(false);
  expect(permits(some('policy-author'), 'publish-policy')).toBe(false);
});

it('nobody but the platform does what is the platform’s; whoever is known may ask who they are', () => {
  const every = ROLES.map((role) => ({ role }));
  expect(OPERATIONS.filter((operation) => !permits(every, operation, 'm'))).toEqual([
    'list-tenants',
    'open-tenant',
    'suspend-tenant',
  ]);
  expect(OPERATIONS.filter((operation) => permits([], operation, 'm'))).toEqual(['read-self']);
});

it('capacities are those of the roles asked for, on models that these cover', () => {
  const roles = [
    { role: 'reviewer', capacity: 'tech-lead' },
    { role: 'reviewer', models: 'a-*', capacity: 'risk-officer' },
    { role: 'releaser', capacity: 'on-call-lead' },
    { role: 'reviewer', capacity: 'tech-lead', models: 'b' },
  ] as const;
  expect(capacitiesOn(roles, 'a-1', ['reviewer'])).toEqual(['risk-officer', 'tech-lead']);
  expect(capacitiesOn(roles, 'c', ['reviewer', 'releaser'])).toEqual(['on-call-lead', 'tech-lead']);
});

it('a role includes the same for fewer models, not for more, nor in another capacity', () => {
  expect(includesRole({ role: 'reader' }, { role: 'reader', models: 'a-*' })).toBe(true);
  expect(includesRole({ role: 'reader', models: 'a-*' }, { role: 'reader' })).toBe(false);
  expect(includesRole({ role: 'reviewer' }, { role: 'reviewer', capacity: 'x' })).toBe(false);
});

it('what roles let somebody see begins as they say, none of the beginnings with another', () => {
  const begins = (...models: (string | undefined)[]) =>
    beginningsOf(
      models.map((one) => ({ role: 'reader', ...(one !== undefined && { models: one }) })),
      'list',
    );
  expect(begins('zz-*', 'a*-x', 'a-1', 'zz-9-*', 'b')).toEqual(['a', 'b', 'zz-']);
  expect(begins('a-10', 'a-1', 'a-2*')).toEqual(['a-1', 'a-2']);
  expect(begins('a-*', '*-eu')).toEqual(['']);
  expect(begins('a-*', undefined)).toEqual(['']);
  expect(begins()).toEqual([]);
  // An admin sees no models.
  expect(beginningsOf([{ role: 'admin' }, { role: 'auditor', models: 'c*' }], 'list')).toEqual(['c']);
});
