import type { AccessEvent, Granted, Grantee, KeyIssued, TenantOpened } from './access-events';
import { grantsTo, isInForce, rolesOfPerson, rolesUntil, type AccessState, type Grant } from './access-state';
import type { Actor } from './events';
import { Rejected, tooMany } from './rejections';
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
  /** Who made the key that they came with: what it gives they give. */
  readonly makers: readonly string[];
  /** When that key expires; absent: it does not, or they came with none. */
  readonly expires?: string;
  /** Whether people can come at all: there is an identity provider. */
  readonly people: boolean;
};

/**
 * The most keys in force and grants a tenant may have, and keys with those that ended within a year: every replica holds
 * them in memory.
 */
export const ACCESS_LIMITS = { keys: 10_000, grants: 10_000, keysOfAYear: 100_000 } as const;
const YEAR_MS = 365 * 86_400_000;

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

/** A key for an admin who has none left. No limit stands in the way: nobody else could help. */
function recoverAdmin(data: KeyIssued, state: AccessState): readonly AccessEvent[] {
  mustBeOpen(state);
  return [{ type: 'access.KeyIssued', data }];
}

function mustBeOpen({ openedAt }: AccessState): void {
  if (openedAt === null)
    throw new Rejected('tenant-unknown', 'There is no such tenant; list those there are at /v1/tenants.');
}

function issueKey(data: KeyIssued, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  if (state.keys.size >= ACCESS_LIMITS.keys) refuseTooManyInForce(state, context);
  if (state.keys.size >= ACCESS_LIMITS.keysOfAYear) refuseTooManyInAYear(state, context);
  if (data.expires !== undefined && data.expires <= context.now)
    throw new Rejected('expires-too-soon', 'The key would have expired already; let it expire later.');
  refuseMoreForOneself(data, state, context);
  return [{ type: 'access.KeyIssued', data }];
}

function refuseTooManyInForce({ keys }: AccessState, { now }: AccessContext): void {
  const inForce = [...keys.values()].filter((key) => isInForce(key, now));
  if (inForce.length >= ACCESS_LIMITS.keys) throw full('keys in force', ACCESS_LIMITS.keys);
}

/** A key leaves the count a year after it ended. */
function refuseTooManyInAYear({ keys }: AccessState, { now }: AccessContext): void {
  const since = new Date(Date.parse(now) - YEAR_MS).toISOString();
  const recent = [...keys.values()].filter((key) => isInForce(key, since) || (key.revokedAt ?? '') > since);
  if (recent.length >= ACCESS_LIMITS.keysOfAYear)
    throw full(
      'keys that are in force or ended within a year (let one key serve longer; they leave the count a year after they ended)',
      ACCESS_LIMITS.keysOfAYear,
    );
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
  // Also what one has already: else one would keep it when another admin takes it away.
  if (isSelf(to, state, context)) throw ownGrant(data, 'actor' in to ? to.actor : context.actor.id);
  if (standingGrant(data, state)) return [];
  if (state.grants.size >= ACCESS_LIMITS.grants) throw full('grants', ACCESS_LIMITS.grants);
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
export function standingGrant(wanted: GrantOf, state: AccessState): Grant | undefined {
  return grantsTo(state, [wanted.to]).find((one) => sameRole(one, wanted));
}

/** Whether it is for who asks: for them, one of their keys, one of their groups; or for who made the key that they come with. */
function isSelf(to: Grantee, state: AccessState, { actor, makers, groups }: AccessContext): boolean {
  if ('group' in to) return groups.includes(to.group);
  const id = 'actor' in to ? to.actor : state.keys.get(to.key)?.actor.id;
  return id === actor.id || (id !== undefined && makers.includes(id));
}

/**
 * A key for oneself may carry what one has otherwise than through a group, and nothing more, for no longer than the key that
 * one comes with; one for who made that key, what they have for as long. Else what somebody has for a time they would have for good.
 */
function refuseMoreForOneself(data: KeyIssued, state: AccessState, context: AccessContext): void {
  const { actor, roles: wanted, expires } = data;
  const held = heldBy(data, state, context);
  if (held === undefined) return;
  const more = wanted.find((role) => !held.some((one) => includesRole(one, role)));
  if (more) throw ownGrant(more, actor.id);
  if (context.expires !== undefined && (expires === undefined || expires > context.expires))
    throw new Rejected(
      'own-grant',
      `Nobody makes what they have last longer: let the key expire at ${context.expires}, with the one that you came with, or ask another admin for it.`,
    );
}

/**
 * What somebody may carry on in a key that they make for themselves, or, until it expires, in one for who made theirs; undefined:
 * it is for another.
 */
function heldBy(
  { actor: { id }, expires }: KeyIssued,
  state: AccessState,
  { actor, makers, roles, groups }: AccessContext,
): readonly RoleGrant[] | undefined {
  if (id === actor.id) return groups.length === 0 ? roles : rolesOfPerson(state, id, []);
  return makers.includes(id) ? rolesUntil(state, id, expires) : undefined;
}

function ownGrant({ role }: RoleGrant, id: string): Rejected {
  return new Rejected(
    'own-grant',
    `Nobody gives themselves a role, or one that they have for longer, through a key of their own making either: another admin has to give ${id} ${role}.`,
  );
}

function sameRole(a: RoleGrant, b: RoleGrant): boolean {
  return a.role === b.role && a.models === b.models && a.capacity === b.capacity;
}

/** What tells who is an admin. */
type Held = Pick<AccessState, 'keys' | 'grants'>;
type Gone = { readonly key?: string; readonly grant?: string };

/**
 * An admin is a key in force; where people can come, also a person with a grant. Who is in a group is not ours to count on. A
 * key that expires is gone one day without anybody's doing, so the last one that does not stays as well.
 */
function refuseLastAdmin(state: AccessState, context: AccessContext, gone: Gone): void {
  const left = without(state, gone);
  const ends = [true, false].some(
    (lasting) => hasAdmin(state, context, lasting) && !hasAdmin(left, context, lasting),
  );
  if (ends)
    throw new Rejected(
      'last-admin',
      'The last admin stays: make another one first, with a key that does not expire, or as a person where an identity provider is set.',
    );
}

function without(state: Held, { key, grant }: Gone): Held {
  const keys = new Map([...state.keys].filter(([id]) => id !== key));
  const grants = new Map([...state.grants].filter(([id]) => id !== grant));
  return { keys, grants };
}

function hasAdmin(state: Held, { now, people }: AccessContext, lasting: boolean): boolean {
  const keys = [...state.keys.values()].filter((key) => isInForce(key, now) && !(lasting && key.expires));
  const granted = [...state.grants.values()].filter(isAdmin).map(({ to }) => to);
  const byGrant = new Set(granted.flatMap((to) => ('key' in to ? [to.key] : [])));
  return (
    keys.some(({ key, roles }) => roles.some(isAdmin) || byGrant.has(key)) ||
    (people && granted.some((to) => 'actor' in to))
  );
}

function isAdmin(one: RoleGrant): boolean {
  return one.role === 'admin' && isForEveryModel(one);
}

function full(what: string, most: number): Rejected {
  return tooMany('', `the tenant has ${most} ${what}, which is the most`);
}
