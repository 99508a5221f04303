import type { AccessEvent, AccessFact, Granted, Grantee, KeyIssued } from './access-events';
import type { Actor } from './events';
import { Rejected } from './rejections';
import type { RoleGrant } from './roles';

/** Everything that can be asked of a tenant's access. */
export type AccessCommand =
  | { readonly verb: 'issueKey'; readonly data: KeyIssued }
  | { readonly verb: 'revokeKey'; readonly data: { readonly key: string } }
  | { readonly verb: 'grant'; readonly data: Granted }
  | { readonly verb: 'withdraw'; readonly data: { readonly grant: string } };

/** Who asks, with which roles, and when. `roles`: of the credential that the request came with. */
export type AccessContext = {
  readonly now: string;
  readonly actor: Actor;
  readonly roles: readonly RoleGrant[];
};

export type Key = KeyIssued & {
  /** The id of the actor that issued it: what the key decides counts as decided by them too. */
  readonly issuer: string;
  readonly issuedAt: string;
  revokedAt: string | null;
};
export type Grant = Granted & { readonly by: string; readonly at: string };

/** Who may do what in a tenant, as of the last event folded. Withdrawn grants are gone; revoked keys stay, to be named. */
export type AccessState = {
  readonly keys: Map<string, Key>;
  readonly grants: Map<string, Grant>;
  bytes: number;
};

/** The most keys and grants a tenant may have: every replica holds them in memory. */
export const ACCESS_LIMITS = { keys: 10_000, grants: 10_000 } as const;

export function noAccess(): AccessState {
  return { keys: new Map(), grants: new Map(), bytes: 500 };
}

/** The stream of a tenant's access. */
export function accessStream(tenant: string): string {
  return `access-${tenant}`;
}

/** Folds a fact into the state, in place. It asks no permission: what is recorded happened. */
export function evolveAccess(state: AccessState, { type, data, meta }: AccessFact): void {
  switch (type) {
    case 'access.KeyIssued':
      state.keys.set(data.key, { ...data, issuer: meta.actor.id, issuedAt: meta.time, revokedAt: null });
      state.bytes += 600 + 100 * data.roles.length;
      return;
    case 'access.KeyRevoked': {
      const key = state.keys.get(data.key);
      if (key) key.revokedAt ??= meta.time;
      return;
    }
    case 'access.Granted':
      state.grants.set(data.grant, { ...data, by: meta.actor.id, at: meta.time });
      state.bytes += 400;
      return;
    case 'access.Withdrawn':
      if (state.grants.delete(data.grant)) state.bytes -= 400;
      return;
  }
}

/** What a command makes of a tenant's access: one event, none if it is so already, or `Rejected`. */
export function decideAccess(
  command: AccessCommand,
  state: AccessState,
  context: AccessContext,
): readonly AccessEvent[] {
  switch (command.verb) {
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
  if (!key) throw new Rejected('key-unknown', `There is no key ${id}; list the keys at /v1/access/keys.`);
  if (key.revokedAt !== null) return [];
  refuseLastAdmin(state, context, { key: id });
  return [{ type: 'access.KeyRevoked', data: { key: id } }];
}

function grant(data: Granted, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  if (standing(data, state)) return [];
  if (state.grants.size >= ACCESS_LIMITS.grants) throw full('grants', ACCESS_LIMITS.grants);
  if ('key' in data.to && state.keys.get(data.to.key)?.revokedAt !== null)
    throw new Rejected('key-unknown', `There is no key ${data.to.key} in force; grant to one that there is.`);
  if (isSelf(data.to, state, context)) refuseOwnGrant(data, context);
  return [{ type: 'access.Granted', data }];
}

function withdraw(id: string, state: AccessState, context: AccessContext): readonly AccessEvent[] {
  if (!state.grants.has(id))
    throw new Rejected('grant-unknown', `There is no grant ${id}; list them at /v1/access/grants.`);
  refuseLastAdmin(state, context, { grant: id });
  return [{ type: 'access.Withdrawn', data: { grant: id } }];
}

/** The grant that says the same already. */
export function standing(data: Granted, state: AccessState): Grant | undefined {
  return [...state.grants.values()].find((one) => sameRole(one, data) && sameGrantee(one.to, data.to));
}

function isSelf(to: Grantee, state: AccessState, { actor }: AccessContext): boolean {
  if ('actor' in to) return to.actor === actor.id;
  return 'key' in to && state.keys.get(to.key)?.actor.id === actor.id;
}

function refuseOwnGrant(wanted: RoleGrant, { actor, roles }: AccessContext): void {
  if (roles.some((one) => sameRole(one, wanted))) return;
  throw new Rejected(
    'own-grant',
    `Nobody grants themselves a role: another admin has to give ${actor.id} ${wanted.role}.`,
  );
}

function sameRole(a: RoleGrant, b: RoleGrant): boolean {
  return a.role === b.role && a.models === b.models && a.capacity === b.capacity;
}

function sameGrantee(a: Grantee, b: Grantee): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf(to: Grantee): string {
  return Object.entries(to).flat().join(':');
}

/** What an identity provider says of groups is not ours to count on: an admin is a key in force, or a person with a grant. */
function refuseLastAdmin(
  state: AccessState,
  { now }: AccessContext,
  gone: { readonly key?: string; readonly grant?: string },
): void {
  const admins = (except: { readonly key?: string; readonly grant?: string }) =>
    [...state.keys.values()].some(
      (key) => key.key !== except.key && isInForce(key, now) && rolesOfKey(state, key, except.grant).some(isAdmin),
    ) || [...state.grants.values()].some((one) => one.grant !== except.grant && 'actor' in one.to && isAdmin(one));
  if (admins(gone) || !admins({})) return;
  throw new Rejected('last-admin', 'The last admin stays: make another one first.');
}

function isAdmin({ role, models }: RoleGrant): boolean {
  return role === 'admin' && (models ?? '*') === '*';
}

/** Whether a key is neither revoked nor expired at an instant. */
export function isInForce(key: Key, now: string): boolean {
  return key.revokedAt === null && (key.expires === undefined || now < key.expires);
}

/** What a key may do: what it was issued with, and what was granted to it since. */
export function rolesOfKey(state: AccessState, key: Key, exceptGrant?: string): readonly RoleGrant[] {
  const granted = [...state.grants.values()].filter(
    ({ grant, to }) => grant !== exceptGrant && 'key' in to && to.key === key.key,
  );
  return granted.length === 0 ? key.roles : [...key.roles, ...granted];
}

/** What a person may do: what was granted to them and to the groups they are in. */
export function rolesOfPerson(state: AccessState, actor: string, groups: readonly string[]): readonly RoleGrant[] {
  return [...state.grants.values()].filter(
    ({ to }) => ('actor' in to && to.actor === actor) || ('group' in to && groups.includes(to.group)),
  );
}

function full(what: string, most: number): Rejected {
  return new Rejected('too-many', `This tenant has ${most} ${what}, which is the most.`, {
    errors: [{ pointer: '', message: `there are ${most} ${what} already` }],
  });
}
