import type { Limits, OidcOptions } from '@gatehouse/identity';
import { isLoopback } from './door-settings';
import { nonEmpty, setting, SettingWrong, whole, type Setting } from './setting';

const limit = (name: `GATEHOUSE_LIMIT_${string}`, standard: string, meaning: string) =>
  setting({ name, default: standard, meaning: `${meaning} 0: no limit.`, parse: whole(0, 999_999_999) });

/** Who issues the tokens of people, and how they are read; and how much anybody may ask for. */
export const IDENTITY_SETTINGS = {
  oidcIssuer: setting({
    name: 'GATEHOUSE_OIDC_ISSUER',
    default: undefined,
    meaning:
      'The OpenID provider whose bearer tokens are taken, as it writes itself in `iss`, like `https://id.example/realms/acme`. Not set: API keys only.',
    parse: issuer,
  }),
  oidcAudience: setting({
    name: 'GATEHOUSE_OIDC_AUDIENCE',
    default: undefined,
    meaning: 'What must be in `aud` of a token. Set together with `GATEHOUSE_OIDC_ISSUER`.',
    parse: nonEmpty,
  }),
  oidcActorClaim: claim('ACTOR', 'sub', 'The claim that names the actor'),
  oidcTenantClaim: claim('TENANT', 'tenant', 'The claim that names the tenant'),
  oidcGroupsClaim: claim(
    'GROUPS',
    'groups',
    'The claim that lists the groups, to which roles can be granted',
  ),
  oidcTenant: setting({
    name: 'GATEHOUSE_OIDC_TENANT',
    default: undefined,
    meaning: 'The tenant of tokens that have no tenant claim. Not set: such tokens are refused.',
    parse: (text) => {
      if (!/^[a-z0-9-]{1,63}$/.test(text)) throw new Error('must be 1 to 63 of a-z, 0-9 and -');
      return text;
    },
  }),
  limitKeyRps: limit(
    'GATEHOUSE_LIMIT_KEY_RPS',
    '10000',
    'Requests a second that one credential may make of one process; a second’s worth at once.',
  ),
  limitTenantRps: limit(
    'GATEHOUSE_LIMIT_TENANT_RPS',
    '20000',
    'Requests a second that all credentials of a tenant may make of one process.',
  ),
  limitModels: limit('GATEHOUSE_LIMIT_MODELS', '100000', 'Models that a tenant may have.'),
  limitVersions: limit(
    'GATEHOUSE_LIMIT_VERSIONS',
    '1000000',
    'Versions that a tenant may have, of all its models.',
  ),
  limitMib: limit(
    'GATEHOUSE_LIMIT_MIB',
    '10240',
    'MiB of events about its models that a tenant may have in the log.',
  ),
};

type Value = <T>(one: Setting<T>) => T | undefined;

/** How tokens are verified; undefined where no provider is set. */
export function oidcOf(value: Value): OidcOptions | undefined {
  const of = IDENTITY_SETTINGS;
  const [from, audience] = [value(of.oidcIssuer), value(of.oidcAudience)];
  if ((from === undefined) !== (audience === undefined)) {
    const [missing, other] =
      from === undefined ? [of.oidcIssuer, of.oidcAudience] : [of.oidcAudience, of.oidcIssuer];
    throw new SettingWrong(`${missing.name} must be set, too: ${other.name} is`);
  }
  const claims = {
    actor: value(of.oidcActorClaim)!,
    tenant: value(of.oidcTenantClaim)!,
    groups: value(of.oidcGroupsClaim)!,
  };
  if (from === undefined) return undefined;
  return { issuer: from, audience: audience!, claims, tenant: value(of.oidcTenant) };
}

/** How much anybody may ask for. */
export function limitsOf(value: Value): Limits {
  const of = IDENTITY_SETTINGS;
  const most = (one: Setting<number>) => value(one) || Infinity;
  return {
    perSecond: { credential: most(of.limitKeyRps), tenant: most(of.limitTenantRps) },
    quota: {
      models: most(of.limitModels),
      versions: most(of.limitVersions),
      bytes: most(of.limitMib) * 1024 * 1024,
    },
  };
}

function claim(what: 'ACTOR' | 'TENANT' | 'GROUPS', standard: string, meaning: string): Setting<string> {
  return setting({
    name: `GATEHOUSE_OIDC_${what}_CLAIM`,
    default: standard,
    meaning: `${meaning}: its name, or a JSON pointer like \`/realm_access/roles\`.`,
    parse: nonEmpty,
  });
}

/** Whoever can change what the provider answers can be anybody: so it is asked over TLS, or on this machine. */
function issuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && !url.username && !url.password && url.search === '' && url.hash === '';
  const local = url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  if (!plain || (url.protocol !== 'https:' && !local)) throw new Error('must be an https URL without query');
  return text;
}
