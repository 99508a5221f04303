import { matchesPattern } from './patterns';

/** What a credential can be trusted with. No role implies another. */
export const ROLES = [
  'reader',
  'registrar',
  'evaluator',
  'reviewer',
  'releaser',
  'operator',
  'auditor',
  'policy-author',
  'admin',
] as const;
export type Role = (typeof ROLES)[number];

/** A role, where it holds, and as what. */
export type RoleGrant = {
  readonly role: Role;
  /** Names of models, `*` for any characters: `fraud-*`. Absent: every model. */
  readonly models?: string;
  /** For reviewers, and releasers who may break the glass: in which capacity. */
  readonly capacity?: string;
};

/**
 * What an operation is about. `model`: the one that the request names, which the role has to cover. `models`: many; a
 * role for some will do, and nothing is told of the others. `tenant`: a role limited to some models will not do. `self`:
 * whoever is known. `platform`: no tenant's roles allow it, the platform key does.
 */
export type Scope = 'model' | 'models' | 'tenant' | 'self' | 'platform';

export type Permission = {
  readonly what: string;
  readonly scope: Scope;
  readonly roles: readonly Role[];
  /** Records nothing: what is known of the caller may be some seconds old. */
  readonly reads?: true;
};

/** Whoever acts on models or on their rules sees models; an admin as such does not. */
const SEES: readonly Role[] = ROLES.filter((role) => role !== 'admin');

/**
 * Which roles may do what: the one table behind the guard, docs/access.md and the access matrix of the tests. What is
 * not here is denied.
 */
export const PERMISSIONS = {
  read: { what: 'read a model', scope: 'model', roles: SEES, reads: true },
  list: { what: 'list models and follow events', scope: 'models', roles: SEES, reads: true },
  register: { what: 'register versions', scope: 'model', roles: ['registrar'] },
  evaluate: { what: 'record evaluations', scope: 'model', roles: ['evaluator'] },
  approve: { what: 'approve and reject versions', scope: 'model', roles: ['reviewer'] },
  promote: { what: 'promote versions, or try to', scope: 'model', roles: ['releaser'] },
  'review-break-glass': { what: 'review a break-glass', scope: 'model', roles: ['reviewer', 'auditor'] },
  'roll-back': { what: 'roll back', scope: 'model', roles: ['operator'] },
  deprecate: { what: 'deprecate versions', scope: 'model', roles: ['operator'] },
  'read-policies': { what: 'read policies', scope: 'models', roles: SEES, reads: true },
  'try-policy': {
    what: 'try a draft out on cases and on the past',
    scope: 'tenant',
    roles: ['policy-author', 'auditor'],
    reads: true,
  },
  'publish-policy': { what: 'publish policies', scope: 'tenant', roles: ['policy-author'] },
  'activate-policy': { what: 'put policies in force', scope: 'tenant', roles: ['policy-author'] },
  'read-access': { what: 'see keys and grants', scope: 'tenant', roles: ['admin', 'auditor'], reads: true },
  'issue-key': { what: 'issue keys', scope: 'tenant', roles: ['admin'] },
  'revoke-key': { what: 'revoke keys', scope: 'tenant', roles: ['admin'] },
  grant: { what: 'grant roles', scope: 'tenant', roles: ['admin'] },
  withdraw: { what: 'withdraw grants', scope: 'tenant', roles: ['admin'] },
  'read-self': { what: 'learn who one is and what one may do', scope: 'self', roles: ROLES, reads: true },
  'list-tenants': { what: 'list tenants', scope: 'platform', roles: [], reads: true },
  'open-tenant': { what: 'open tenants', scope: 'platform', roles: [] },
  'suspend-tenant': { what: 'suspend tenants, and let them go on', scope: 'platform', roles: [] },
} as const satisfies { readonly [operation: string]: Permission };
export type OperationName = keyof typeof PERMISSIONS;

/** Whether one of these roles allows an operation, on this model if it is about one. */
export function permits(roles: readonly RoleGrant[], operation: OperationName, model?: string): boolean {
  const { scope }: Permission = PERMISSIONS[operation];
  switch (scope) {
    case 'self':
      return true;
    case 'platform':
      return false;
    case 'tenant':
      return roles.some((one) => allows(operation, one.role) && isForEveryModel(one));
    case 'models':
      return roles.some((one) => allows(operation, one.role));
    case 'model':
      // A request that names no model is refused for its shape by whoever reads it next.
      return roles.some(
        (one) => allows(operation, one.role) && (isForEveryModel(one) || covers(one, model ?? '')),
      );
  }
}

/** Which models an operation on many is allowed to tell of. */
export function visibleTo(
  roles: readonly RoleGrant[],
  operation: OperationName,
): (model: string | null) => boolean {
  const allowing = roles.filter(({ role }) => allows(operation, role));
  if (allowing.some(isForEveryModel)) return () => true;
  return (model) => model !== null && allowing.some((one) => covers(one, model));
}

/**
 * What the names of those models begin with, in order, none of them with another; '' is every name. Nothing that
 * `visibleTo` sees begins otherwise.
 */
export function beginningsOf(roles: readonly RoleGrant[], operation: OperationName): readonly string[] {
  const begins = roles
    .filter(({ role }) => allows(operation, role))
    .map(({ models = '*' }) => models.split('*')[0]!)
    .sort();
  const kept: string[] = [];
  for (const begin of begins) {
    const last = kept.at(-1);
    if (last === undefined || !begin.startsWith(last)) kept.push(begin);
  }
  return kept;
}

/** Whether who holds the roles of `now` is told of all that those of `before` were told of, by an operation on many models. */
export function seesNoLess(
  now: readonly RoleGrant[],
  before: readonly RoleGrant[],
  operation: OperationName,
): boolean {
  const { scope }: Permission = PERMISSIONS[operation];
  if (scope !== 'models') return true;
  const allowing = now.filter(({ role }) => allows(operation, role));
  return before
    .filter(({ role }) => allows(operation, role))
    .every(({ models }) => allowing.some((one) => isForEveryModel(one) || one.models === models));
}

/** Whether a role holds for a model. */
export function covers({ models = '*' }: RoleGrant, model: string): boolean {
  return matchesPattern(models, model);
}

export function isForEveryModel({ models = '*' }: RoleGrant): boolean {
  return /^\*+$/.test(models);
}

/** Whether who holds the one holds the other with it. */
export function includesRole(held: RoleGrant, wanted: RoleGrant): boolean {
  if (held.role !== wanted.role || held.capacity !== wanted.capacity) return false;
  return isForEveryModel(held) || held.models === wanted.models;
}

/** The capacities in which somebody with these roles acts on a model: reviews it, or breaks its glass. */
export function capacitiesOn(roles: readonly RoleGrant[], model: string, as: readonly Role[]): string[] {
  const held = roles.filter((one) => as.includes(one.role) && covers(one, model));
  return [...new Set(held.flatMap(({ capacity }) => capacity ?? []))].sort();
}

function allows(operation: OperationName, role: Role): boolean {
  const { roles }: Permission = PERMISSIONS[operation];
  return roles.includes(role);
}
