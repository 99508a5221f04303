import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
} from 'jose';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CredentialRefused, ProviderUnreachable } from './refused';
import { OidcVerifier, type OidcOptions } from './oidc';
import { TestProvider } from './testing/provider';

const AUDIENCE = 'https://gatehouse.example';
const CLAIMS = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
const MINUTE = 60_000;

let provider: TestProvider;
beforeAll(async () => {
  provider = await TestProvider.start();
});
afterAll(() => provider.stop());

/** A verifier with a clock that the test moves. */
function verifierOf(options: Partial<OidcOptions> = {}) {
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const verifier = new OidcVerifier({
    issuer: provider.issuer,
    audience: AUDIENCE,
    claims: CLAIMS,
    now,
    ...options,
  });
  return Object.assign(verifier, { clock });
}

/** What becomes of a token. */
async function fate(verifier: OidcVerifier, token: string): Promise<string> {
  try {
    return `taken as ${(await verifier.verify(token)).actor}`;
  } catch (error) {
    if (error instanceof CredentialRefused) return error.reason;
    if (error instanceof ProviderUnreachable) return 'unreachable';
    throw error;
  }
}

const annsToken = (more: Partial<Parameters<TestProvider['token']>[0]> = {}) =>
  provider.token({ sub: 'ann', audience: AUDIENCE, claims: { tenant: 'acme', groups: ['leads'] }, ...more });

describe('a token of the provider', () => {
  it.each(['ES256', 'RS256'] as const)(
    'signed with %s says who calls, for which tenant, in which groups',
    async (alg) => {
      const verifier = verifierOf();
      const token = await annsToken({ alg });
      expect(verifier.known(token)).toBeUndefined();
      const who = await verifier.verify(token);
      expect(who).toEqual({
        tenant: 'acme',
        actor: 'ann',
        kind: 'user',
        groups: ['leads'],
        credential: { method: 'oidc', credential: 'ann', issuer: provider.issuer },
      });
      expect(verifier.known(token)).toEqual(who);
    },
  );

  it('that a program asked for in its own name is a service', async () => {
    const token = await annsToken({ sub: undefined });
    expect(await verifierOf().verify(token)).toMatchObject({ actor: 'console', kind: 'service' });
  });

  it('is read in the claims that the settings name, also inside others', async () => {
    const claims = {
      'https://acme.example/org': 'acme',
      email: 'ann@acme.example',
      realm: { roles: ['a', 'b'] },
    };
    const token = await annsToken({ claims });
    const names = { actor: 'email', tenant: 'https://acme.example/org', groups: '/realm/roles' };
    expect(await verifierOf({ claims: names }).verify(token)).toMatchObject({
      tenant: 'acme',
      actor: 'ann@acme.example',
      groups: ['a', 'b'],
      credential: { credential: 'ann' },
    });
  });

  it('without a tenant is refused, unless the settings say whose such tokens are', async () => {
    const token = await annsToken({ claims: {} });
    expect(await fate(verifierOf(), token)).toBe('claims-invalid');
    expect(await verifierOf({ tenant: 'default' }).verify(token)).toMatchObject({
      tenant: 'default',
      groups: [],
    });
  });

  it.each([
    { tenant: 'A_B' },
    { tenant: ['acme'] },
    { tenant: '' },
    { tenant: 'a'.repeat(64) },
    { tenant: 'acme', groups: { admin: true } },
    { tenant: 'acme', groups: [7] },
    { tenant: 'acme', groups: 'g'.repeat(501).split('') },
    { tenant: 'acme', cnf: { jkt: 'bound to a key' } },
  ])('with claims of another shape is refused: %.80j', async (claims) => {
    expect(await fate(verifierOf({ tenant: 'default' }), await annsToken({ claims }))).toBe('claims-invalid');
  });

  it('names its actor as everywhere else: visible characters only', async () => {
    for (const sub of ['a b', 'a\u0000', 'x'.repeat(129), '\u202e'])
      expect(await fate(verifierOf(), await annsToken({ sub }))).toBe('claims-invalid');
  });

  it('for another audience is refused, and so is one of another issuer', async () => {
    expect(await fate(verifierOf(), await annsToken({ audience: 'https://elsewhere.example' }))).toBe(
      'wrong-audience',
    );
    const other = await TestProvider.start();
    const token = await other.token({ sub: 'ann', audience: AUDIENCE, claims: { tenant: 'acme' } });
    await other.stop();
    const before = await provider.fetches();
    expect(await fate(verifierOf(), token)).toBe('wrong-issuer');
    expect(await provider.fetches()).toBe(before);
  });

  it('is taken until a minute after it expired, remembered or not', async () => {
    const token = await annsToken({ lifetime: 120 });
    const verifier = verifierOf();
    expect(await fate(verifier, token)).toBe('taken as ann');
    verifier.clock.ahead = 175_000;
    expect(await fate(verifier, token)).toBe('taken as ann');
    verifier.clock.ahead = 181_000;
    expect(verifier.known(token)).toBeUndefined();
    expect(await fate(verifier, token)).toBe('expired');
  });
});

describe('a forged token', () => {
  let published: JWK;
  let mallory: Awaited<ReturnType<typeof generateKeyPair>>;
  beforeAll(async () => {
    const answer = await fetch(`${provider.issuer}/jwks`);
    const { keys } = (await answer.json()) as { keys: JWK[] };
    published = keys.find(({ kty }) => kty === 'RSA')!;
    mallory = await generateKeyPair('RS256', { extractable: true });
  });

  const body = (more: object = {}) => ({
    iss: provider.issuer,
    aud: AUDIENCE,
    sub: 'ann',
    tenant: 'acme',
    iat: Math.floor(Date.now() / 1_000),
    exp: Math.floor(Date.now() / 1_000) + 600,
    ...more,
  });
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (header: object, key: CryptoKey | Uint8Array, claims: object = body()) =>
    new SignJWT({ ...claims }).setProtectedHeader(header as { alg: string }).sign(key);

  it('with alg none is refused, in whatever case, with a signature or without', async () => {
    const verifier = verifierOf();
    expect(await fate(verifier, new UnsecuredJWT(body()).encode())).toBe('wrong-algorithm');
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', undefined])
      for (const signature of ['', 'AAAA'])
        expect(
          await fate(verifier, `${encoded({ alg, kid: published.kid })}.${encoded(body())}.${signature}`),
        ).toBe('wrong-algorithm');
  });

  it('signed with HS256 and the public key as the secret is refused', async () => {
    const verifier = verifierOf();
    const key = (await importJWK({ ...published }, 'RS256', { extractable: true })) as CryptoKey;
    const secrets = [await exportSPKI(key), JSON.stringify(published), published.n!].map((text) =>
      Buffer.from(text),
    );
    for (const alg of ['HS256', 'HS384', 'HS512'])
      for (const secret of [...secrets, Buffer.from(published.n!, 'base64url')])
        expect(await fate(verifier, await signed({ alg, kid: published.kid }, new Uint8Array(secret)))).toBe(
          'wrong-algorithm',
        );
  });

  it('that names a key of the provider and is signed with another is refused', async () => {
    expect(
      await fate(verifierOf(), await signed({ alg: 'RS256', kid: published.kid }, mallory.privateKey)),
    ).toBe('signature-invalid');
  });

  it('that names a key nobody published, or brings its own, is refused', async () => {
    const verifier = verifierOf();
    const jwk = await exportJWK(mallory.publicKey);
    for (const header of [
      { kid: 'foreign' },
      { kid: '../../etc/passwd' },
      { kid: "' OR 1=1" },
      { kid: 'foreign', jwk },
      { kid: 'foreign', jku: 'http://127.0.0.1:1/jwks' },
      { kid: 'foreign', x5u: 'http://127.0.0.1:1/cert' },
    ])
      expect(await fate(verifier, await signed({ alg: 'RS256', ...header }, mallory.privateKey))).toBe(
        'unknown-key',
      );
    expect(await fate(verifier, await signed({ alg: 'RS256', jwk }, mallory.privateKey))).toBe(
      'signature-invalid',
    );
  });

  it('with another algorithm than its key has is refused', async () => {
    expect(
      await fate(
        verifierOf(),
        await signed({ alg: 'PS256', kid: published.kid }, (await generateKeyPair('PS256')).privateKey),
      ),
    ).toBe('unknown-key');
  });

  it('whose claims were changed after it was signed is refused', async () => {
    const [header, claims, signature] = (await annsToken()).split('.');
    const changed = {
      ...(JSON.parse(Buffer.from(claims!, 'base64url').toString()) as object),
      tenant: 'evil',
    };
    expect(await fate(verifierOf(), `${header}.${encoded(changed)}.${signature}`)).toBe('signature-invalid');
  });

  it.each([
    ['crit', { crit: ['exp'] }, 'malformed'],
    ['a logout token', { typ: 'logout+jwt' }, 'malformed'],
    ['a DPoP proof', { typ: 'dpop+jwt' }, 'malformed'],
    ['an unencoded payload', { b64: false, crit: ['b64'] }, 'malformed'],
  ])('with %s is refused', async (_, header, reason) => {
    const token = `${encoded({ alg: 'RS256', kid: published.kid, ...header })}.${encoded(body())}.AAAA`;
    expect(await fate(verifierOf(), token)).toBe(reason);
  });

  it.each([
    'a.b.c',
    `${encoded({ alg: 'RS256' })}.bm90IGpzb24.AAAA`,
    `${encoded([])}.${encoded([])}.AAAA`,
    '..',
    '',
  ])('that is none is malformed or names no algorithm: %j', async (token) => {
    expect(['malformed', 'wrong-algorithm']).toContain(await fate(verifierOf(), token));
  });
});

describe('the keys of the provider', () => {
  it('are fetched once for many tokens, and again when a token names a new one', async () => {
    const verifier = verifierOf();
    const before = await provider.fetches();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => annsToken()));
    expect(new Set(await Promise.all(tokens.map((token) => fate(verifier, token))))).toEqual(
      new Set(['taken as ann']),
    );
    expect(await provider.fetches()).toBe(before + 1);
    await provider.rotate();
    const newer = await annsToken();
    verifier.clock.ahead = 11_000;
    expect(await fate(verifier, newer)).toBe('taken as ann');
    expect(await provider.fetches()).toBe(before + 2);
    // What was remembered of the old keys is forgotten with them.
    expect(verifier.known(tokens[0]!)).toBeUndefined();
    expect(await fate(verifier, tokens[0]!)).toBe('unknown-key');
  });

  it('are asked for at most every ten seconds, however many foreign keys are named', async () => {
    const verifier = verifierOf();
    expect(await fate(verifier, await annsToken())).toBe('taken as ann');
    const before = await provider.fetches();
    const { privateKey } = await generateKeyPair('ES256');
    const forged = (kid: string) =>
      new SignJWT({ iss: provider.issuer, aud: AUDIENCE, sub: 'x' })
        .setProtectedHeader({ alg: 'ES256', kid })
        .sign(privateKey);
    for (let second = 0; second <= 30; second++) {
      verifier.clock.ahead = second * 1_000;
      expect(await fate(verifier, await forged(`k${second}`))).toBe('unknown-key');
    }
    expect(await provider.fetches()).toBe(before + 3);
  });

  it('serve for an hour while the provider is silent; then, and without any, nothing is said of a token', async () => {
    const own = await TestProvider.start();
    const mint = () =>
      own.token({ sub: 'ann', audience: AUDIENCE, claims: { tenant: 'acme' }, lifetime: 36_000 });
    const tokens = [await mint(), await mint(), await mint()];
    const verifier = verifierOf({ issuer: own.issuer, timeoutMs: 300 });
    const fresh = verifierOf({ issuer: own.issuer, timeoutMs: 300 });
    expect(await fate(verifier, tokens[0]!)).toBe('taken as ann');
    own.freeze();
    verifier.clock.ahead = 55 * MINUTE;
    expect(await fate(verifier, tokens[1]!)).toBe('taken as ann');
    verifier.clock.ahead = 61 * MINUTE;
    expect(await fate(verifier, tokens[2]!)).toBe('unreachable');
    const began = performance.now();
    expect(await fate(fresh, tokens[0]!)).toBe('unreachable');
    expect(performance.now() - began).toBeLessThan(20_000);
    // Not asked again for two seconds: refused at once.
    const times: number[] = [];
    for (let tries = 0; tries < 5; tries++) {
      const again = performance.now();
      await expect(fresh.verify(tokens[0]!)).rejects.toMatchObject({ retryAfter: 2 });
      times.push(performance.now() - again);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    own.thaw();
    fresh.clock.ahead = 2_500;
    expect(await fate(fresh, tokens[0]!)).toBe('taken as ann');
    await own.stop();
  });
});

describe('a provider that misbehaves', () => {
  let server: Server;
  let base: string;
  let listener: RequestListener;
  beforeAll(async () => {
    server = createServer((request, response) => listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const json =
    (value: unknown): RequestListener =>
    (_, response) =>
      response.end(JSON.stringify(value));
  const discovery =
    (more: object, keys: RequestListener): RequestListener =>
    (request, response) =>
      request.url === '/keys'
        ? keys(request, response)
        : json({ issuer: base, jwks_uri: `${base}/keys`, ...more })(request, response);

  it.each<[string, () => RequestListener]>([
    ['answers 500', () => (_, response) => response.writeHead(500).end()],
    ['redirects', () => (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['answers no JSON', () => (_, response) => response.end('<html>')],
    ['answers a list', () => json([])],
    ['says that it is another', () => discovery({ issuer: 'https://evil.example' }, json({ keys: [] }))],
    ['has its keys in a file', () => discovery({ jwks_uri: 'file:///etc/passwd' }, json({ keys: [] }))],
    ['publishes no key set', () => discovery({}, json({ keys: 'none' }))],
    ['never ends its answer', () => discovery({}, (_, response) => void response.write('{'))],
    ['publishes without end', () => discovery({}, (_, response) => void response.end('x'.repeat(700_000)))],
  ])('and %s makes no token good or bad', async (_, behaviour) => {
    listener = behaviour();
    const { privateKey } = await generateKeyPair('ES256');
    const claims = { iss: base, aud: AUDIENCE, sub: 'ann', tenant: 'acme' };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setExpirationTime('5m')
      .sign(privateKey);
    expect(await fate(verifierOf({ issuer: base, timeoutMs: 300 }), token)).toBe('unreachable');
  });

  it('and publishes a symmetric or a broken key beside good ones does no harm', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const good = { ...(await exportJWK(publicKey)), kid: 'good', alg: 'ES256' };
    const keys = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
      good,
    ];
    listener = discovery({}, json({ keys }));
    const claims = { iss: base, aud: AUDIENCE, sub: 'ann', tenant: 'acme' };
    const with_ = (kid: string) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime('5m').sign(privateKey);
    const verifier = verifierOf({ issuer: base });
    expect(await fate(verifier, await with_('good'))).toBe('taken as ann');
    expect(await fate(verifier, await with_('broken'))).toBe('unknown-key');
    expect(await fate(verifier, await with_('oct'))).toBe('unknown-key');
    const endless = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'good' });
    expect(await fate(verifier, await endless.sign(privateKey))).toBe('claims-invalid');
    expect(
      await fate(verifier, await endless.setNotBefore('2m').setExpirationTime('5m').sign(privateKey)),
    ).toBe('not-yet-valid');
  });
});
