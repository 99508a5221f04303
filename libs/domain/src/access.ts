import type { AccessEvent, Granted, Grantee, KeyIssued, TenantOpened } from './access-events';
import { isInForce, rolesOfKey, type AccessState, type Grant } from './access-state';
import type { Actor } from './events';
import { Rejected } from './rejections';
import { includesRole, isForEveryModel, type RoleGrant } from './roles';

/** What names a grant by what it says. */
export type GrantOf = RoleGrant & { readonly to: Grantee };

/** Everything that can be asked of a tenant's access. */
export type AccessCommand =
  | { readonly verb: 'openTenant'; readonly data: TenantOpened }
  | { readonly verb: 'suspendTenant'; readonly data: { readonly reason?: string } }
  | { readonly verb: 'resumeTenant'; readonly data: { readonly reason?: string } }
  | { readonly verb: 'recoverAdmin'; readonly data: KeyIssued }
  | { readonly verb: 'issueKey'; readonly data: KeyIssued }
  | { readonly verb: 'revokeKey'; readonly data: { readonly key: string } }
  | { readonly verb: 'grant'; readonly data: Granted }
  | { readonly verb: 'withdraw'; readonly data: { readonly grant: string } };

/** Who asks, with which roles, and when. */
export type AccessContext = {
  readonly now: string;
  readonly actor: Actor;
  /** Of the credential that the request came with. */
  readonly roles: readonly RoleGrant[];
  /** That the identity provider says the actor is in. */
  readonly groups: readonly string[];
};

/** The most keys and grants a tenant may have: every replica holds them in memory. */
export const ACCESS_LIMITS = { keys: 10_000, grants: 10_000 } as const;

/** The stream of a tenant's access. */
export function accessStream(tenant: string): string {
  return ACCESS_PREFIX + tenant;
}
/** What the streams of access, and no others, begin with. */
export const ACCESS_PREFIX = 'access-';

/** What a command makes of a tenant's access: one event, none if it is so already, or `Rejected`. */
export function decideAccess(
  command: AccessCommand,
  state: AccessState,
  context: AccessContext,
): readonly AccessEvent[] {
  switch (command.verb) {
    case 'openTenant':
      return state.openedAt === null ? [{ type: 'access.TenantOpened', data: command.data }] : [];
    case 'suspendTenant':
      return suspend(command.data, state);
    case 'resumeTenant':
      return resume(command.data, state);
    case 'recoverAdmin':
      return recoverAdmin(command.data, state);
    case 'issueKey':
      return issueKey(command.data, state, context);
    case 'revokeKey':
      return revokeKey(command.data.key, state, context);
    case 'grant':
      return grant(command.data, state, context);
    case 'withdraw':
      return withdraw(command.data.grant, state, context);
  }
}

function suspend(data: { readonly reason?: string }, state: AccessState): readonly AccessEvent[] {
  mustBeOpen(state);
  return state.suspendedAt === null ? [{ type: 'access.TenantSuspended', data }] : [];
}

function resume(data: { readonly reason?: string }, state: AccessState): readonly AccessEvent[] {
  mustBeOpen(state);
  return state.suspendedAt === null ? [] : [{ type: 'access.TenantResumed', data }];
}

/** A key for an admin who has none left. No limit stands in the way: keys are never fewer, and nobody else could help. */
function recoverAdmin(data: KeyIssued, state: AccessState): readonly AccessEvent[] {
  mustBeOpen(state);
  return [{ type: 'access.KeyIssued', data }];
}

function mustBeOpen({ openedAt }: AccessState): void {
  if (openedAt === null)
    throw new Rejected('tenant-unknown', 'There is no such tenant; list those there are at /v1/tenants.');
}

function issueKey(data: KeyIssued, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  if (state.keys.size >= ACCESS_LIMITS.keys) throw full('keys', ACCESS_LIMITS.keys);
  if (data.expires !== undefined && data.expires <= context.now)
    throw new Rejected('expires-too-soon', 'The key would have expired already; let it expire later.');
  // A key for oneself may carry what one has (to renew it), and nothing more.
  if (data.actor.id === context.actor.id) for (const role of data.roles) refuseOwnGrant(role, context);
  return [{ type: 'access.KeyIssued', data }];
}

function revokeKey(id: string, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  const key = state.keys.get(id);
  if (!key) throw new Rejected('key-unknown', 'There is no such key; list the keys at /v1/access/keys.');
  if (key.revokedAt !== null) return [];
  refuseLastAdmin(state, context, { key: id });
  return [{ type: 'access.KeyRevoked', data: { key: id } }];
}

function grant(data: Granted, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  const { to } = data;
  if ('key' in to && state.keys.get(to.key)?.revokedAt !== null)
    throw new Rejected('key-unknown', 'There is no such key in force; grant to one that there is.');
  if (standingGrant(data, state)) return [];
  if (state.grants.size >= ACCESS_LIMITS.grants) throw full('grants', ACCESS_LIMITS.grants);
  if (isSelf(to, state, context)) refuseOwnGrant(data, context);
  return [{ type: 'access.Granted', data }];
}

function withdraw(id: string, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  if (state.withdrawn.has(id)) return [];
  if (!state.grants.has(id))
    throw new Rejected('grant-unknown', 'There is no such grant; list them at /v1/access/grants.');
  refuseLastAdmin(state, context, { grant: id });
  return [{ type: 'access.Withdrawn', data: { grant: id } }];
}

/** The grant that says the same already. */
export function standingGrant(wanted: GrantOf, { grants }: AccessState): Grant | undefined {
  return [...grants.values()].find((one) => sameRole(one, wanted) && sameGrantee(one.to, wanted.to));
}

function isSelf(to: Grantee, state: AccessState, { actor, groups }: AccessContext): boolean {
  if ('actor' in to) return to.actor === actor.id;
  if ('group' in to) return groups.includes(to.group);
  return state.keys.get(to.key)?.actor.id === actor.id;
}

function refuseOwnGrant(wanted: RoleGrant, { actor, roles }: AccessContext): void {
  if (roles.some((one) => includesRole(one, wanted))) return;
  throw new Rejected(
    'own-grant',
    `Nobody gives themselves a role: another admin has to give ${actor.id} ${wanted.role}.`,
  );
}

function sameRole(a: RoleGrant, b: RoleGrant): boolean {
  return a.role === b.role && a.models === b.models && a.capacity === b.capacity;
}

function sameGrantee(a: Grantee, b: Grantee): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

type Gone = { readonly key?: string; readonly grant?: string };

/**
 * An admin is a key in force, or a person with a grant: who is in a group is not ours to count on. A key that expires is gone one
 * day without anybody's doing, so the last one that does not stays as well.
 */
function refuseLastAdmin(state: AccessState, context: AccessContext, gone: Gone): void {
  const left = without(state, gone);
  const ends = [true, false].some(
    (lasting) => hasAdmin(state, context, lasting) && !hasAdmin(left, context, lasting),
  );
  if (ends)
    throw new Rejected(
      'last-admin',
      'The last admin stays: make another one, whose key does not expire, first.',
    );
}

function without(state: AccessState, { key, grant }: Gone): AccessState {
  const keys = new Map([...state.keys].filter(([id]) => id !== key));
  const grants = new Map([...state.grants].filter(([id]) => id !== grant));
  return { ...state, keys, grants };
}

function hasAdmin(state: AccessState, { now }: AccessContext, lasting: boolean): boolean {
  const keys = [...state.keys.values()].filter((key) => isInForce(key, now) && !(lasting && key.expires));
  return (
    keys.some((key) => rolesOfKey(state, key).some(isAdmin)) ||
    [...state.grants.values()].some((one) => 'actor' in one.to && isAdmin(one))
  );
}

function isAdmin(one: RoleGrant): boolean {
  return one.role === 'admin' && isForEveryModel(one);
}

function full(what: string, most: number): Rejected {
  return new Rejected('too-many', `This tenant has ${most} ${what}, which is the most.`, {
    errors: [{ pointer: '', message: `there are ${most} ${what} already` }],
  });
}
