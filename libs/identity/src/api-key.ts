import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CredentialRefused } from './refused';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_BYTES = 10;
const SECRET_BYTES = 32;
const CHECKSUM_BYTES = 4;

const ID_LENGTH = digitsFor(ID_BYTES);
const SECRET_LENGTH = digitsFor(SECRET_BYTES);
const CHECKSUM_LENGTH = digitsFor(CHECKSUM_BYTES);

/**
 * `gatehouse_<tenant>_<id>_<secret><checksum>`, and `gatehouse-platform_<id>_<secret><checksum>` for the platform. A tenant's
 * name has no `_`, the rest is base 62 of a fixed length: there is one way to take a key apart. Secret scanners find keys with
 * this expression, and drop what only looks like one by its checksum, without asking us.
 */
export const API_KEY = new RegExp(
  `^(?:gatehouse_([a-z0-9-]{1,63})|gatehouse-platform)_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);
const LONGEST = 'gatehouse_'.length + 63 + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH + 2;

/** A key as it was just made. `key` is shown once and kept nowhere; `id` and `hash` are what is recorded. */
export type MintedKey = { readonly id: string; readonly key: string; readonly hash: string };

/** What a key says of itself; not yet that anybody issued it. */
export type ParsedKey = {
  /** null: a key of the platform, which belongs to no tenant. */
  readonly tenant: string | null;
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
};

/** A new key of a tenant: a public id of 80 random bits and a secret of 256. */
export function mintApiKey(tenant: string): MintedKey {
  if (!/^[a-z0-9-]{1,63}$/.test(tenant)) throw new RangeError('a tenant is 1 to 63 of a-z, 0-9 and -');
  return mint(`gatehouse_${tenant}`);
}

/** A new key of the platform, which opens and suspends tenants. */
export function mintPlatformKey(): MintedKey {
  return mint('gatehouse-platform');
}

/** Takes a key apart. A typing error or a key cut short is `malformed`, by its checksum, without any look-up. */
export function parseApiKey(text: string): ParsedKey {
  const parts = text.length > LONGEST ? null : API_KEY.exec(text);
  if (parts === null) throw new CredentialRefused('malformed');
  const [, tenant, id, secret, checksum] = parts;
  if (checksum !== checksumOf(text.slice(0, -CHECKSUM_LENGTH))) throw new CredentialRefused('malformed');
  // The expression matched, so both are there.
  return { tenant: tenant ?? null, id: id!, hash: hashOf(secret!) };
}

/** Whether a credential means to be an API key, well made or not. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith('gatehouse_') || text.startsWith('gatehouse-platform_');
}

/** Compares two hashes in hex, in a time that says nothing about where they differ. What is no hash equals nothing. */
export function sameHash(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
  return one.length === SECRET_BYTES && other.length === SECRET_BYTES && timingSafeEqual(one, other);
}

function mint(prefix: string): MintedKey {
  const id = base62(randomBytes(ID_BYTES));
  const secret = base62(randomBytes(SECRET_BYTES));
  const body = `${prefix}_${id}_${secret}`;
  return { id, key: body + checksumOf(body), hash: hashOf(secret) };
}

/** A secret of 256 random bits needs no salt and no slow hash: there is nothing to guess. */
function hashOf(secret: string): string {
  return hash('sha256', secret);
}

function checksumOf(body: string): string {
  return inDigits(crc32(body), CHECKSUM_LENGTH);
}

/** All bytes as one number, in as many digits as the largest of that length takes. */
function base62(bytes: Buffer): string {
  let left = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (; left > 0n; left /= 62n) text = DIGITS[Number(left % 62n)] + text;
  return text.padStart(digitsFor(bytes.length), '0');
}

/** The same for a small number: every request with a key pays for this one. */
function inDigits(number: number, length: number): string {
  let text = '';
  for (let left = number; left > 0; left = Math.floor(left / 62)) text = DIGITS[left % 62] + text;
  return text.padStart(length, '0');
}

function digitsFor(bytes: number): number {
  return Math.ceil((bytes * 8) / Math.log2(62));
}
