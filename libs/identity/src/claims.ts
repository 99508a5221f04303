import { CredentialRefused } from './refused';

/** Which claims say who calls. A name, or a JSON pointer (`/realm_access/roles`) for one inside another. */
export type ClaimNames = { readonly actor: string; readonly tenant: string; readonly groups: string };

/** Who a verified token speaks for. */
export type Identified = {
  readonly tenant: string;
  readonly actor: string;
  readonly kind: 'user' | 'service';
  readonly groups: readonly string[];
  /** As the meta of events keeps it: by which credential the actor was known. */
  readonly credential: { readonly method: 'oidc'; readonly credential: string; readonly issuer: string };
};

type Claims = { readonly [name: string]: unknown };

const TENANT = /^[a-z0-9-]{1,63}$/;
// As everywhere: 1 to 128 visible characters; U+FFFD stands where bytes were no UTF-8.
const ACTOR = /^(?!.*\uFFFD)[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,128}$/u;
const MOST_GROUPS = 500;
const LONGEST_GROUP = 256;

/** Reads who calls from the claims of a verified token. What is missing or has another shape is refused, never guessed. */
export function identify(claims: Claims, names: ClaimNames, issuer: string, fallback?: string): Identified {
  const tenant = claimAt(claims, names.tenant) ?? fallback;
  const actor = claimAt(claims, names.actor);
  const groups = groupsOf(claimAt(claims, names.groups));
  const subject = claims['sub'];
  if (typeof tenant !== 'string' || !TENANT.test(tenant)) throw refused('tenant', names.tenant);
  if (typeof actor !== 'string' || !ACTOR.test(actor)) throw refused('actor', names.actor);
  if (groups === undefined) throw refused('groups', names.groups);
  if (typeof subject !== 'string' || !ACTOR.test(subject)) throw refused('subject', 'sub');
  const kind = isService(claims) ? 'service' : 'user';
  return { tenant, actor, kind, groups, credential: { method: 'oidc', credential: subject, issuer } };
}

/**
 * Whether a program asked for the token in its own name (client credentials), as the providers say it: the subject is the
 * client, or a marker of Auth0 (`gty`), Entra ID (`idtyp`) or Keycloak (`client_id` with a service account's name).
 */
function isService(claims: Claims): boolean {
  const { sub, client_id: client, azp, gty, idtyp, preferred_username: name } = claims;
  return (
    sub === client ||
    sub === azp ||
    gty === 'client-credentials' ||
    idtyp === 'app' ||
    (typeof name === 'string' && name.startsWith('service-account-'))
  );
}

function groupsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const fits = (one: unknown) => typeof one === 'string' && one.length > 0 && one.length <= LONGEST_GROUP;
  return list.length <= MOST_GROUPS && list.every(fits) ? (list as string[]) : undefined; // every one was looked at
}

function claimAt(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return own(claims, name);
  return name
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(own, claims);
}

function own(from: unknown, name: string): unknown {
  if (typeof from !== 'object' || from === null || !Object.hasOwn(from, name)) return undefined;
  return (from as Claims)[name] ?? undefined; // an object that has it
}

function refused(what: string, claim: string): CredentialRefused {
  return new CredentialRefused(
    'claims-invalid',
    `The token names no ${what} that is valid, in its claim ${claim}.`,
  );
}
