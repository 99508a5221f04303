import type { AccessState, Actor, Grant, Grantee, Key, RoleGrant } from '@gatehouse/domain';
import type { Caller } from '@gatehouse/platform';

/** An API key, without what only its owner has. */
export type KeyResource = {
  readonly id: string;
  readonly actor: string;
  readonly kind: Actor['kind'];
  readonly roles: readonly RoleResource[];
  readonly expires: string | null;
  readonly issuedAt: string;
  readonly issuedBy: Actor;
  /** The id of the key that it was issued with; null: of none. */
  readonly issuedWith: string | null;
  readonly revokedAt: string | null;
};

/** A role: for which models (null: all of them), and in which capacity. */
export type RoleResource = {
  readonly role: string;
  readonly models: string | null;
  readonly capacity: string | null;
};

export type GrantResource = RoleResource & {
  readonly id: string;
  readonly to: Grantee;
  readonly grantedAt: string;
  readonly grantedBy: Actor;
};

/** By which credential somebody is known. */
export type Auth = Caller['auth'];

/** Who calls, and what they may do. */
export type MeResource = {
  readonly tenant: string;
  readonly actor: Actor;
  readonly auth: Auth;
  readonly roles: readonly RoleResource[];
  readonly groups: readonly string[];
  readonly expires: string | null;
};

/** A tenant, as the platform sees it. */
export type TenantResource = {
  readonly tenant: string;
  readonly openedAt: string | null;
  readonly suspendedAt: string | null;
};

export function keyResource(key: Key): KeyResource {
  const { key: id, actor, roles, expires = null, issuedAt, issuedBy, issuedWith, revokedAt } = key;
  return {
    id,
    actor: actor.id,
    kind: actor.kind,
    roles: roles.map(roleResource),
    expires,
    issuedAt,
    issuedBy,
    issuedWith,
    revokedAt,
  };
}

export function grantResource({ grant: id, to, grantedAt, grantedBy, ...role }: Grant): GrantResource {
  return { id, to, ...roleResource(role), grantedAt, grantedBy };
}

export function meResource({ tenant, actor, auth, roles, groups, expires }: Caller): MeResource {
  return { tenant, actor, auth, roles: roles.map(roleResource), groups, expires: expires ?? null };
}

export function tenantResource(tenant: string, { openedAt, suspendedAt }: AccessState): TenantResource {
  return { tenant, openedAt, suspendedAt };
}

function roleResource({ role, models, capacity }: RoleGrant): RoleResource {
  return { role, models: models ?? null, capacity: capacity ?? null };
}
