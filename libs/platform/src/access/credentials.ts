import { Injectable } from '@nestjs/common';
import {
  isInForce,
  rolesOfKey,
  rolesOfPerson,
  type AccessState,
  type Actor,
  type Key,
} from '@gatehouse/domain';
import type { AsRead } from '@gatehouse/eventsourcing';
import {
  CredentialRefused,
  credentialOf,
  sameHash,
  OidcVerifier,
  type Identified,
  type ParsedKey,
  type Presented,
} from '@gatehouse/identity';
import { hash } from 'node:crypto';
import { Settings } from '../settings';
import { Accesses } from './accesses';
import type { Caller } from './caller';

type Known = {
  readonly caller: Caller;
  readonly state: AccessState;
  readonly revision: bigint;
  /** Milliseconds since the epoch. */
  readonly until: number;
};

/**
 * How new the access of the tenant has to be: as the log has it now, for whoever changes something; as it was a few seconds ago at most, for
 * reads; or, for a read that would be refused by that, as it was at an instant of `performance.now()` or later.
 */
export type HowNew = 'newest' | 'recent' | { readonly since: number };

/** Headers taken apart that are kept, so that the next request with one costs less. */
const MOST_KEPT = 10_000;
const NOTHING = { roles: [], groups: [], makers: [] } as const;

/** From what came in the `Authorization` header to who that is. Throws `CredentialRefused`. */
@Injectable()
export class Credentials {
  /** Verifies the tokens of people, where an identity provider is set. */
  private readonly people: OidcVerifier | undefined;
  private readonly taken = new Map<string, Presented>();
  /** What came last on each connection that is open: one that sends the same again need not be hashed again. */
  private readonly last = new WeakMap<object, { readonly header: string; readonly presented: Presented }>();
  /** Who a key or a verified token turned out to be, while nothing was recorded about its tenant since. */
  private readonly known = new WeakMap<ParsedKey | Identified, Known>();

  constructor(
    private readonly accesses: Accesses,
    private readonly settings: Settings,
  ) {
    this.people = settings.oidc && new OidcVerifier(settings.oidc);
  }

  /** Whose credential this is. */
  async callerOf(header: string | undefined, how: HowNew): Promise<Caller> {
    const presented = this.takeApart(header);
    const access = (tenant: string) => this.accessOf(tenant, how);
    if (presented.kind === 'token') {
      const who = await this.verify(presented.token);
      return this.ofPerson(await access(who.tenant), who);
    }
    const { key } = presented;
    return key.tenant === null ? this.ofPlatform(key) : this.ofKey(await access(key.tenant), key.tenant, key);
  }

  /** The same, where it can be said at once; undefined where it cannot. `connection`: what the header came on. */
  callerNow(header: string | undefined, connection: object): Caller | undefined {
    const presented = this.takeApartAgain(header, connection);
    if (presented.kind === 'token') {
      const who = this.people?.known(presented.token);
      const access = who && this.accesses.known(who.tenant);
      return access && this.ofPerson(access, who);
    }
    const { key } = presented;
    const access = key.tenant === null ? undefined : this.accesses.known(key.tenant);
    return access && this.ofKey(access, key.tenant!, key);
  }

  private accessOf(tenant: string, how: HowNew): Promise<AsRead<AccessState>> {
    if (how === 'newest') return this.accesses.newest(tenant);
    return how === 'recent' ? this.accesses.recent(tenant) : this.accesses.recentSince(tenant, how.since);
  }

  private verify(token: string): Promise<Identified> {
    if (this.people === undefined) throw new CredentialRefused('wrong-issuer');
    return this.people.verify(token);
  }

  private ofKey(access: AsRead<AccessState>, tenant: string, key: ParsedKey): Caller {
    return this.once(key, access, () => ofKey(access, tenant, key));
  }

  private ofPerson(access: AsRead<AccessState>, who: Identified): Caller {
    return this.once(who, access, () => ofPerson(access, who));
  }

  /** Nothing changes between two events but that keys expire: who somebody is need not be found out again. */
  private once(
    who: ParsedKey | Identified,
    { state, revision }: AsRead<AccessState>,
    find: () => Caller,
  ): Caller {
    const known = this.known.get(who);
    const isSame = known?.state === state && known.revision === revision;
    if (isSame && Date.now() < known.until) return known.caller;
    const caller = find();
    const until = caller.expires === undefined ? Infinity : Date.parse(caller.expires);
    this.known.set(who, { caller, state, revision, until });
    return caller;
  }

  /** The platform key is known by the settings alone, and belongs to no tenant. */
  private ofPlatform({ id, hash: secret }: ParsedKey): Caller {
    const { platformKey } = this.settings;
    if (platformKey === undefined || !sameHash(platformKey, secret)) throw new CredentialRefused('unknown');
    const auth = { method: 'platform', credential: id } as const;
    return { tenant: '', actor: { id: 'platform', kind: 'service' }, auth, ...NOTHING };
  }

  /** A connection is held to what it sent itself: whoever is on it learns nothing that they did not say. */
  private takeApartAgain(header: string | undefined, connection: object): Presented {
    const last = this.last.get(connection);
    if (last !== undefined && last.header === header) return last.presented;
    const presented = this.takeApart(header);
    if (header !== undefined && presented.kind === 'key') this.last.set(connection, { header, presented });
    return presented;
  }

  /** Headers themselves are kept no longer than their connection: their hash is what they are found by. */
  private takeApart(header: string | undefined): Presented {
    if (header === undefined) return credentialOf(header);
    const name = hash('sha256', header, 'base64');
    const known = this.taken.get(name);
    if (known) return known;
    const presented = credentialOf(header);
    // A token is not ours to keep; who verified it remembers it by its hash.
    if (presented.kind === 'token') return presented;
    const [oldest] = this.taken.keys();
    if (this.taken.size >= MOST_KEPT && oldest !== undefined) this.taken.delete(oldest);
    this.taken.set(name, presented);
    return presented;
  }
}

/**
 * The same caller, as the access of their tenant has it at an instant: with the roles that they hold then. Throws `CredentialRefused` where
 * their key is not in force then.
 */
export function asOf(state: AccessState, caller: Caller, now: string): Caller {
  const { tenant, actor, auth, groups } = caller;
  // The platform key is of no tenant.
  if (auth.method === 'platform') return caller;
  if (auth.method === 'oidc')
    return { ...caller, roles: rolesOfPerson(state, actor.id, groups), ...suspension(state) };
  const key = state.keys.get(auth.credential ?? '');
  if (!key) throw new CredentialRefused('unknown');
  return byKey(state, tenant, key, now);
}

function ofKey({ state }: AsRead<AccessState>, tenant: string, { id, hash: secret }: ParsedKey): Caller {
  const key = state.keys.get(id);
  // Only who has the secret learns more than that there is no such credential.
  if (!key || !sameHash(key.hash, secret)) throw new CredentialRefused('unknown');
  return byKey(state, tenant, key, new Date().toISOString());
}

function byKey(state: AccessState, tenant: string, key: Key, now: string): Caller {
  if (key.revokedAt !== null) throw new CredentialRefused('revoked');
  if (!isInForce(key, now)) throw new CredentialRefused('expired');
  const { key: credential, actor, makers, expires } = key;
  const auth = { method: 'key', credential } as const;
  return {
    tenant,
    actor,
    auth,
    roles: rolesOfKey(state, key),
    groups: [],
    makers,
    expires,
    ...suspension(state),
  };
}

/** Whoever an identity provider names for a tenant that was never opened is as unknown as a key of it. */
function ofPerson(
  { state }: AsRead<AccessState>,
  { tenant, groups, credential, ...who }: Identified,
): Caller {
  if (state.openedAt === null) throw new CredentialRefused('unknown');
  const actor: Actor = { id: who.actor, kind: who.kind };
  const roles = rolesOfPerson(state, actor.id, groups);
  return { tenant, actor, auth: credential, roles, groups, makers: [], ...suspension(state) };
}

function suspension({ suspendedAt }: AccessState): Pick<Caller, 'suspended'> {
  return suspendedAt === null ? {} : { suspended: true };
}
