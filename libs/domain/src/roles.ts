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

const ANY: readonly Role[] = ROLES;

/**
 * Which roles may do what: the one table behind the guard, the docs and the access matrix of the tests. What is not
 * here is denied. An operation on a model is allowed by a role whose pattern matches the model.
 */
export const PERMISSIONS = {
  /** Live versions, versions, lists and the history of models. Whoever acts on models sees them; an admin does not. */
  read: ['reader', 'registrar', 'evaluator', 'reviewer', 'releaser', 'operator', 'auditor', 'policy-author'],
  register: ['registrar'],
  evaluate: ['evaluator'],
  approve: ['reviewer'],
  promote: ['releaser'],
  'roll-back': ['operator'],
  deprecate: ['operator'],
  /** Tries rules out on what was: gates, dry runs, tests and backtests of policies. */
  'read-policies': ['reader', 'auditor', 'policy-author', 'releaser', 'reviewer'],
  'write-policies': ['policy-author'],
  /** Who may do what in this tenant. */
  'read-access': ['admin', 'auditor'],
  'write-access': ['admin'],
  /** Who am I, and what may I do. */
  'read-self': ANY,
} as const satisfies { readonly [operation: string]: readonly Role[] };
export type PermissionName = keyof typeof PERMISSIONS;

/** A role, where it holds, and as what. */
export type RoleGrant = {
  readonly role: Role;
  /** Names of models, `*` for any characters: `fraud-*`. Absent: every model. */
  readonly models?: string;
  /** For reviewers (and whoever may break the glass): in which capacity. */
  readonly capacity?: string;
};

/** Whether one of these roles allows an operation; on a model, or (null) on the tenant as a whole, which needs a role for every model. */
export function permits(roles: readonly RoleGrant[], operation: PermissionName, model: string | null): boolean {
  return roles.some(({ role, models }) => allows(operation, role) && covers(models, model));
}

/** The patterns of the models that an operation is allowed on; null: all of them. */
export function permittedModels(roles: readonly RoleGrant[], operation: PermissionName): readonly string[] | null {
  const patterns = roles.filter(({ role }) => allows(operation, role)).map(({ models = '*' }) => models);
  return patterns.includes('*') ? null : patterns;
}

function allows(operation: PermissionName, role: Role): boolean {
  const allowed: readonly Role[] = PERMISSIONS[operation];
  return allowed.includes(role);
}

function covers(pattern = '*', model: string | null): boolean {
  return pattern === '*' || (model !== null && matches(pattern, model));
}

/** Whether a name fits a pattern in which `*` stands for any characters. Linear in the name for each star. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first)) return false;
  const last = rest.pop()!;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
