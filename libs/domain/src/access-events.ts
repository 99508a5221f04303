import { refuseUnknown, type Stored } from './codec';
import type { Actor, Meta } from './events';
import type { RoleGrant } from './roles';

// NOTE: stored format. Permanent: add optional fields, never change or drop one (docs/architecture.md).
// Stream `access-<tenant>`: who may do what in a tenant.

/** An API key was made. Its secret is not kept: only the SHA-256 of it is. */
export type KeyIssued = {
  /** The key's public id, part of the key itself. */
  readonly key: string;
  /** Who the key speaks for. */
  readonly actor: Actor;
  readonly roles: readonly RoleGrant[];
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  /** RFC 3339, UTC. Absent: it does not expire. */
  readonly expires?: string;
};
export type KeyRevoked = { readonly key: string };
/** To whom a role is granted: a person, a key, or whoever their identity provider says is in a group. */
export type Grantee = { readonly actor: string } | { readonly key: string } | { readonly group: string };
export type Granted = RoleGrant & { readonly grant: string; readonly to: Grantee };
export type Withdrawn = { readonly grant: string };
/** A tenant was opened, with the key of its first admin. */
export type TenantOpened = KeyIssued;
export type TenantSuspended = { readonly reason?: string };
/** A suspended tenant may go on. */
export type TenantResumed = { readonly reason?: string };

/** Every event of a tenant's access there is, by its stored name. */
export type AccessEvent =
  | { readonly type: 'access.TenantOpened'; readonly data: TenantOpened }
  | { readonly type: 'access.TenantSuspended'; readonly data: TenantSuspended }
  | { readonly type: 'access.TenantResumed'; readonly data: TenantResumed }
  | { readonly type: 'access.KeyIssued'; readonly data: KeyIssued }
  | { readonly type: 'access.KeyRevoked'; readonly data: KeyRevoked }
  | { readonly type: 'access.Granted'; readonly data: Granted }
  | { readonly type: 'access.Withdrawn'; readonly data: Withdrawn };

/** An event, and where and how it was recorded. */
export type AccessFact = AccessEvent & {
  readonly id: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly meta: Meta;
};

const STORED_NAMES: Record<AccessEvent['type'], true> = {
  'access.TenantOpened': true,
  'access.TenantSuspended': true,
  'access.TenantResumed': true,
  'access.KeyIssued': true,
  'access.KeyRevoked': true,
  'access.Granted': true,
  'access.Withdrawn': true,
};

/** From what is stored to what it means today. Throws `Undecodable` for a name or a schema it does not know. */
export function decodeAccess(stored: Stored): AccessFact {
  refuseUnknown(stored, STORED_NAMES);
  return stored as unknown as AccessFact;
}
