import fc from 'fast-check';
import { API_KEY, mintApiKey, mintPlatformKey, parseApiKey, sameHash } from './api-key';
import { credentialOf, withoutCredentials } from './credential';
import { challengeOf, CredentialRefused } from './refused';

const tenants = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof CredentialRefused) return error.reason;
    throw error;
  }
  return 'taken';
};

describe('an API key', () => {
  it('says its tenant and its id, and hashes to what was recorded, for every tenant there can be', () => {
    fc.assert(
      fc.property(tenants, (tenant) => {
        const { id, key, hash } = mintApiKey(tenant);
        expect(parseApiKey(key)).toEqual({ tenant, id, hash });
      }),
    );
  });

  it('keeps its shape: scanners and clients go by it', () => {
    const { key, id, hash } = mintApiKey('acme-1');
    expect(key).toMatch(/^gatehouse_acme-1_[0-9A-Za-z]{14}_[0-9A-Za-z]{49}$/);
    expect(key).toMatch(API_KEY);
    expect(key).toContain(`_${id}_`);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    // Made once, kept for ever: keys that clients hold must go on being read.
    const old = 'gatehouse_default_00000000000001_0000000000000000000000000000000000000000001';
    expect(refusal(() => parseApiKey(`${old}000000`))).toBe('malformed');
    expect(parseApiKey(`${old}0UetYV`)).toEqual({
      tenant: 'default',
      id: '00000000000001',
      hash: '5fb76d307dddf6183adf8484f447384a0137655bf7e3a689b005a331fe8595ad',
    });
  });

  it('of the platform belongs to no tenant, not even to one of that name', () => {
    const { id, key, hash } = mintPlatformKey();
    expect(parseApiKey(key)).toEqual({ tenant: null, id, hash });
    expect(parseApiKey(mintApiKey('platform').key).tenant).toBe('platform');
  });

  it('with one character changed, missing, added or swapped is malformed, without a look-up', () => {
    fc.assert(
      fc.property(tenants, fc.nat(), fc.stringMatching(/^[0-9A-Za-z_-]$/), (tenant, at, other) => {
        const { key } = mintApiKey(tenant);
        const i = at % key.length;
        const variants = [
          key.slice(0, i) + other + key.slice(i + 1),
          key.slice(0, i) + key.slice(i + 1),
          key.slice(0, i) + other + key.slice(i),
          key.slice(0, i) + (key[i + 1] ?? '') + key[i] + key.slice(i + 2),
        ].filter((variant) => variant !== key);
        for (const variant of variants) expect(refusal(() => parseApiKey(variant))).toBe('malformed');
      }),
    );
  });

  it('of a tenant cannot be passed off as that of another', () => {
    const { key } = mintApiKey('acme');
    expect(refusal(() => parseApiKey(key.replace('acme', 'evil')))).toBe('malformed');
    expect(() => mintApiKey('a_b')).toThrow(RangeError);
  });

  it('never repeats', () => {
    const made = Array.from({ length: 2_000 }, () => mintApiKey('t'));
    expect(new Set(made.map(({ id }) => id)).size).toBe(2_000);
    expect(new Set(made.map(({ hash }) => hash)).size).toBe(2_000);
  });

  it('is compared by its hash; what is no hash equals nothing', () => {
    const { hash } = mintApiKey('t');
    expect(sameHash(hash, hash)).toBe(true);
    expect(sameHash(hash, mintApiKey('t').hash)).toBe(false);
    expect(sameHash('', '')).toBe(false);
    expect(sameHash(hash.slice(0, 62), hash.slice(0, 62))).toBe(false);
    expect(sameHash('zz'.repeat(32), 'zz'.repeat(32))).toBe(false);
  });
});

describe('the Authorization header', () => {
  const { key, id } = mintApiKey('acme');

  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer  '])('takes a key after %p', (scheme) => {
    expect(credentialOf(`${scheme} ${key}`)).toMatchObject({ kind: 'key', key: { tenant: 'acme', id } });
  });

  it('takes a token in three parts', () => {
    expect(credentialOf('Bearer aa.bb.cc')).toEqual({ kind: 'token', token: 'aa.bb.cc' });
    expect(credentialOf('Bearer aa.bb.')).toEqual({ kind: 'token', token: 'aa.bb.' });
  });

  it.each([undefined, ''])('is missing: %p', (header) => {
    expect(refusal(() => credentialOf(header))).toBe('missing');
  });

  it.each([
    'Bearer',
    'Bearer ',
    key,
    `Basic ${Buffer.from(`x:${key}`).toString('base64')}`,
    `Bearer ${key}, Bearer ${key}`,
    `Bearer ${key} `,
    ` Bearer ${key}`,
    `Bearer\t${key}`,
    `Bearer ${key.slice(0, -1)}`,
    `Bearer ${key}\n`,
    'Bearer gatehouse_',
    'Bearer a.b',
    'Bearer a.b.c.d.e',
    'Bearer ..',
    'Bearer \u00e4.b.c',
    `Bearer a.${'b'.repeat(13_000)}.c`,
    `Bearer ${'='.repeat(100_000)}`,
  ])('is malformed: %p', (header) => {
    expect(refusal(() => credentialOf(header))).toBe('malformed');
  });

  it('is never quoted in what is answered', () => {
    expect(() => credentialOf(`Bearer ${key}x`)).toThrow(/^The credential is neither/);
    expect(challengeOf(new CredentialRefused('malformed'))).toMatch(
      /^Bearer realm="gatehouse", error="invalid_token", error_description="[^"]+"$/,
    );
    expect(challengeOf(new CredentialRefused('missing'))).toBe('Bearer realm="gatehouse"');
  });
});

describe('what is logged', () => {
  it('is without those that are percent-encoded, as often as a proxy or two did it', () => {
    const { key } = mintApiKey('acme');
    const joints = key.replaceAll('_', '%5f');
    for (const secret of [
      joints,
      key.replaceAll('_', '%5F'),
      key.replace('g', '%67'),
      key.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`),
      encodeURIComponent(joints),
      encodeURIComponent(encodeURIComponent(encodeURIComponent(joints))),
      joints.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`),
      'eyJhbGciOiJFUzI1NiJ9%2EeyJzdWIiOiJhbm4ifQ%2Ec2ln',
      '%65yJhbGciOiJFUzI1NiJ9%252EeyJzdWIiOiJhbm4ifQ%252Ec2ln',
    ])
      expect(withoutCredentials(`/v1/${secret}/x?a=%C3%A4%zz%&key=${secret}%`)).toBe(
        '/v1/…/x?a=%C3%A4%zz%&key=…%',
      );
  });

  it('is without keys and tokens, whole or cut off, and otherwise as it was', () => {
    const { key } = mintApiKey('acme');
    for (const secret of [
      key,
      key.slice(0, -10),
      mintPlatformKey().key,
      'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln',
    ])
      expect(withoutCredentials(`/v1/${secret}/x?key=${secret}&a=b`)).toBe('/v1/…/x?key=…&a=b');
    for (const path of [
      '/gatehouse.v1.Registry/GetLive',
      '/v1/models?q=100%25&after=a%5Fb%zz%',
      `/v1/models/gatehouse_ranker/versions/sha256:${'0a'.repeat(32)}`,
    ])
      expect(withoutCredentials(path)).toBe(path);
  });
});
