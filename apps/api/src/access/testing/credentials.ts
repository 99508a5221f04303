import {
  decodeProtectedHeader,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
} from 'jose';
import { mintApiKey } from '@gatehouse/identity';
import type { TestProvider } from '../../../../../libs/identity/src/testing/provider';
import type { Edge } from '../../testing/edge';

export const AUDIENCE = 'https://gatehouse.example';
const CLAIMS = { tenant: 'default', groups: ['everything'] };

/**
 * Everything that must not be let in, by what is wrong with it, and with nothing else; undefined sends no credential at
 * all. `other` is a provider that nobody here trusts.
 */
export async function refusedCredentials(
  edge: Edge,
  provider: TestProvider,
  other: TestProvider,
): Promise<Record<string, string | undefined>> {
  const valid = await provider.token({ sub: 'ann', audience: AUDIENCE, claims: CLAIMS });
  const foreign = await other.token({ sub: 'ann', audience: AUDIENCE, claims: CLAIMS });
  const admin = await edge.keys.admin();
  const last = admin.endsWith('a') ? 'b' : 'a';
  return {
    'no credential': undefined,
    'an empty one': 'Bearer ',
    'a malformed key': `Bearer ${admin.slice(0, -1)}${last}`,
    'another scheme': `Basic ${admin}`,
    'a bare key': admin,
    'an unknown key': `Bearer ${mintApiKey('default').key}`,
    'a key of a tenant there is not': `Bearer ${mintApiKey('nowhere').key}`,
    'a revoked key': `Bearer ${await revoked(edge, admin)}`,
    'an expired key': `Bearer ${await expired(edge, admin)}`,
    'a malformed token': 'Bearer a.b.c',
    'neither key nor token': 'Bearer none',
    'an expired token': `Bearer ${await provider.token({ sub: 'ann', audience: AUDIENCE, claims: CLAIMS, lifetime: -120 })}`,
    'another audience': `Bearer ${await provider.token({ sub: 'ann', audience: 'https://else.example', claims: CLAIMS })}`,
    'another issuer': `Bearer ${foreign}`,
    'another issuer, that says it is ours': `Bearer ${withClaims(foreign, { iss: provider.issuer })}`,
    'alg none': `Bearer ${new UnsecuredJWT(payload()).setIssuer(provider.issuer).setAudience(AUDIENCE).setExpirationTime('1h').encode()}`,
    'HS256 with the public key': `Bearer ${await signedWithPublicKey(provider)}`,
    'a foreign kid': `Bearer ${await forged(provider, 'foreign')}`,
    'our kid, and a foreign key': `Bearer ${await forged(provider, decodeProtectedHeader(valid).kid!)}`,
    'a tampered token': `Bearer ${withClaims(valid, { sub: 'admin' })}`,
    'a token for no tenant': `Bearer ${await provider.token({ sub: 'ann', audience: AUDIENCE })}`,
    'a token for a tenant there is not': `Bearer ${await provider.token({ sub: 'ann', audience: AUDIENCE, claims: { tenant: 'nowhere' } })}`,
  };
}

const payload = () => ({ sub: 'ann', ...CLAIMS });

async function post(edge: Edge, key: string, body: object): Promise<{ id: string; key: string }> {
  const answer = await edge.post('/v1/access/keys', body, { authorization: `Bearer ${key}` });
  return answer.body as { id: string; key: string };
}

const EVERYTHING = { actor: 'gone', kind: 'user', roles: [{ role: 'reader' }, { role: 'registrar' }] };

async function revoked(edge: Edge, admin: string): Promise<string> {
  const { id, key } = await post(edge, admin, EVERYTHING);
  const headers = { authorization: `Bearer ${admin}` };
  await edge.http(`/v1/access/keys/${id}`, { method: 'DELETE', headers });
  return key;
}

async function expired(edge: Edge, admin: string): Promise<string> {
  const expires = new Date(Date.now() + 400).toISOString();
  const { key } = await post(edge, admin, { ...EVERYTHING, expires });
  await new Promise((resolve) => setTimeout(resolve, 500));
  return key;
}

/** A well-made token with a signature of somebody else. */
async function forged(provider: TestProvider, kid: string): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256');
  return new SignJWT(payload())
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
    .setIssuer(provider.issuer)
    .setAudience(AUDIENCE)
    .setExpirationTime('1h')
    .sign(privateKey);
}

/** The oldest trick: a public key is known to all, and HS256 makes a secret of it. */
async function signedWithPublicKey(provider: TestProvider): Promise<string> {
  const discovery = await fetch(`${provider.issuer}/.well-known/openid-configuration`);
  const { jwks_uri: uri } = (await discovery.json()) as { jwks_uri: string };
  const { keys } = (await (await fetch(uri)).json()) as { keys: JWK[] };
  const jwk = keys.find(({ kty }) => kty === 'RSA')!;
  const pem = await exportSPKI((await importJWK(jwk, 'RS256', { extractable: true })) as CryptoKey);
  return new SignJWT(payload())
    .setProtectedHeader({ alg: 'HS256', kid: jwk.kid })
    .setIssuer(provider.issuer)
    .setAudience(AUDIENCE)
    .setExpirationTime('1h')
    .sign(Buffer.from(pem));
}

/** The same head and signature, and other claims. */
function withClaims(token: string, claims: object): string {
  const [head, body, signature] = token.split('.');
  const before = JSON.parse(Buffer.from(body!, 'base64url').toString()) as object;
  const other = Buffer.from(JSON.stringify({ ...before, ...claims })).toString('base64url');
  return [head, other, signature].join('.');
}
