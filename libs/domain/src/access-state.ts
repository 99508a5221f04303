import type { AccessFact, Granted, Grantee, KeyIssued } from './access-events';
import type { Actor, Meta } from './events';
import { keyOf } from './makers';
import { capacitiesOn, permits, type RoleGrant } from './roles';

export type Key = KeyIssued & {
  readonly issuedAt: string;
  readonly issuedBy: Actor;
  /** The key that it was issued with; null: whoever issued it came with none. */
  readonly issuedWith: string | null;
  /**
   * Who made it: whoever issued it and, if they did so with a key, whoever made that one, and so on. What the key
   * decides counts as decided by each of them, too.
   */
  readonly makers: readonly string[];
  revokedAt: string | null;
};
export type Grant = Granted & { readonly grantedBy: Actor; readonly grantedAt: string };
/** With its place among all that there ever were, from 1 on: lists go by it. */
export type Numbered<T> = T & { readonly nth: number };

/** Who may do what in a tenant, as of the last event folded. Revoked keys stay, to be named. */
export type AccessState = {
  readonly keys: Map<string, Numbered<Key>>;
  /** The same keys, by whom they speak for. */
  readonly keysOf: Map<string, Key[]>;
  readonly grants: Map<string, Numbered<Grant>>;
  /** The same grants, by whom they are for (as `nameOf` has it) and then by id. */
  readonly grantsTo: Map<string, Map<string, Numbered<Grant>>>;
  /** The ids of grants that are gone. */
  readonly withdrawn: Set<string>;
  openedAt: string | null;
  suspendedAt: string | null;
  bytes: number;
};

export function noAccess(): AccessState {
  return {
    keys: new Map(),
    keysOf: new Map(),
    grants: new Map(),
    grantsTo: new Map(),
    withdrawn: new Set(),
    openedAt: null,
    suspendedAt: null,
    bytes: 500,
  };
}

/** Folds a fact into the state, in place. It asks no permission: what is recorded happened. */
export function evolveAccess(state: AccessState, { type, data, meta }: AccessFact): void {
  switch (type) {
    case 'access.TenantOpened':
      state.openedAt ??= meta.time;
      return addKey(state, data, meta);
    case 'access.TenantSuspended':
      state.suspendedAt = meta.time;
      return;
    case 'access.TenantResumed':
      state.suspendedAt = null;
      return;
    case 'access.KeyIssued':
      return addKey(state, data, meta);
    case 'access.KeyRevoked': {
      const key = state.keys.get(data.key);
      if (key) key.revokedAt ??= meta.time;
      return;
    }
    case 'access.Granted':
      return addGrant(state, data, meta);
    case 'access.Withdrawn':
      return withdraw(state, data.grant);
  }
}

function addKey(state: AccessState, data: KeyIssued, meta: Meta): void {
  const { time, actor } = meta;
  const issuedWith = keyOf(meta);
  const makers = [...new Set([actor.id, ...(issuedWith === null ? [] : makersOf(state, issuedWith))])];
  const issued = { issuedAt: time, issuedBy: actor, issuedWith, makers };
  const key = { ...data, ...issued, revokedAt: null, nth: state.keys.size + 1 };
  state.keys.set(data.key, key);
  const theirs = state.keysOf.get(data.actor.id);
  if (theirs) theirs.push(key);
  else state.keysOf.set(data.actor.id, [key]);
  state.bytes += 600 + 100 * data.roles.length;
}

function addGrant(state: AccessState, data: Granted, { actor, time }: Meta): void {
  const nth = state.grants.size + state.withdrawn.size + 1;
  const grant = { ...data, grantedBy: actor, grantedAt: time, nth };
  state.grants.set(data.grant, grant);
  const name = nameOf(data.to);
  const theirs = state.grantsTo.get(name);
  if (theirs) theirs.set(data.grant, grant);
  else state.grantsTo.set(name, new Map([[data.grant, grant]]));
  state.bytes += 600;
}

function withdraw(state: AccessState, id: string): void {
  state.withdrawn.add(id);
  const grant = state.grants.get(id);
  if (!grant) return;
  state.grants.delete(id);
  const name = nameOf(grant.to);
  const theirs = state.grantsTo.get(name);
  theirs?.delete(id);
  if (theirs?.size === 0) state.grantsTo.delete(name);
  state.bytes -= 500;
}

function nameOf(to: Grantee): string {
  if ('actor' in to) return `actor ${to.actor}`;
  return 'key' in to ? `key ${to.key}` : `group ${to.group}`;
}

/** The grants to any of these that stand, in the order in which they were given. */
export function grantsTo(state: AccessState, grantees: readonly Grantee[]): readonly Grant[] {
  const found: Numbered<Grant>[] = [];
  for (const name of new Set(grantees.map(nameOf)))
    for (const grant of state.grantsTo.get(name)?.values() ?? []) found.push(grant);
  return found.sort((a, b) => a.nth - b.nth);
}

/** Who made a key; nobody, where there is none. */
export function makersOf({ keys }: AccessState, key: string): readonly string[] {
  return keys.get(key)?.makers ?? [];
}

/** Whether a key is neither revoked nor expired at an instant. */
export function isInForce({ revokedAt, expires }: Key, now: string): boolean {
  return revokedAt === null && (expires === undefined || now < expires);
}

/** Whether a key stays in force until an instant if nobody revokes it; undefined: for good. */
function lastsUntil({ revokedAt, expires }: Key, end: string | undefined): boolean {
  return revokedAt === null && (expires === undefined || (end !== undefined && end <= expires));
}

/** What a key may do: what it was issued with, and what was granted to it since. */
export function rolesOfKey(state: AccessState, { key, roles }: Key): readonly RoleGrant[] {
  const granted = grantsTo(state, [{ key }]).map(roleOf);
  return granted.length === 0 ? roles : [...roles, ...granted];
}

/** What a person may do: what was granted to them, and to the groups they are in. */
export function rolesOfPerson(
  state: AccessState,
  actor: string,
  groups: readonly string[],
): readonly RoleGrant[] {
  return grantsTo(state, [{ actor }, ...groups.map((group) => ({ group }))]).map(roleOf);
}

/** Somebody, and the groups that made them a reviewer when they used it last. */
export type Reviewer = { readonly actor: string; readonly groups?: readonly string[] };

/**
 * Whether somebody may still review a model in a capacity: through a key of theirs in force, a grant to them, or one to a
 * group that they were in.
 */
export function holdsCapacity(
  state: AccessState,
  who: Reviewer,
  { model, capacity, now }: { readonly model: string; readonly capacity: string; readonly now: string },
): boolean {
  return capacitiesOn(rolesOfActor(state, who, now), model, ['reviewer']).includes(capacity);
}

/** Whether somebody may still review a model, in whichever capacity. */
export function mayReview(
  state: AccessState,
  who: Reviewer,
  { model, now }: { readonly model: string; readonly now: string },
): boolean {
  return permits(rolesOfActor(state, who, now), 'approve', model);
}

/** Of these groups those that are granted to review a model: what is recorded with a decision, to be looked up later. */
export function grantedGroups(
  state: AccessState,
  groups: readonly string[],
  model: string,
): readonly string[] {
  return groups.filter((group) => permits(grantsTo(state, [{ group }]).map(roleOf), 'approve', model)).sort();
}

/** What somebody may do, by whichever credential in force. */
export function rolesOfActor(state: AccessState, who: Reviewer, now: string): readonly RoleGrant[] {
  return rolesThrough(state, who, (key) => isInForce(key, now));
}

/** What somebody may do otherwise than through a group, and will until an instant if nobody takes it away; undefined: for good. */
export function rolesUntil(state: AccessState, actor: string, end: string | undefined): readonly RoleGrant[] {
  return rolesThrough(state, { actor }, (key) => lastsUntil(key, end));
}

function rolesThrough(
  state: AccessState,
  { actor, groups = [] }: Reviewer,
  counts: (key: Key) => boolean,
): readonly RoleGrant[] {
  const keys = (state.keysOf.get(actor) ?? []).filter(counts);
  return [...keys.flatMap((key) => rolesOfKey(state, key)), ...rolesOfPerson(state, actor, groups)];
}

/** A grant without whom it is for. */
function roleOf({ role, models, capacity }: Grant): RoleGrant {
  return { role, ...(models !== undefined && { models }), ...(capacity !== undefined && { capacity }) };
}
