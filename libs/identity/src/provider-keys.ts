import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { fetchJson } from './fetch-json';
import { CredentialRefused, ProviderUnreachable } from './refused';

/** From then on keys are fetched again behind the requests that use them. */
const FRESH_MS = 5 * 60_000;
/** From then on nothing is verified with them any more: a provider that was down so long may have withdrawn them. */
const STALE_MS = 60 * 60_000;
/** A key that is not known makes us look for new ones at most this often, however many tokens name one. */
const COOLDOWN_MS = 10_000;
const RETRY_MS = 2_000;

type Held = {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly text: string;
  readonly at: number;
};
type KeyArguments = Parameters<JWTVerifyGetKey>;

/**
 * The public keys of an OpenID provider, found by discovery. Fetched when first needed, again every five minutes and when a token
 * names a new one; one fetch at a time, each with a time-out. While the provider does not answer, the keys at hand serve an
 * hour; without any, `ProviderUnreachable` at once, and it is asked again two seconds later.
 */
export class ProviderKeys {
  /** Counts the changes of the keys: what was verified before one has to be verified again. */
  generation = 0;
  private held: Held | undefined;
  private pending: Promise<void> | undefined;
  private nextTry = -Infinity;
  private failure: unknown;

  constructor(
    private readonly issuer: string,
    private readonly timeoutMs: number,
    private readonly now: () => number,
  ) {}

  /** The key that a token is signed with. Throws `CredentialRefused('unknown-key')` or `ProviderUnreachable`. */
  async keyFor(...token: KeyArguments): Promise<CryptoKey> {
    const held = await this.current();
    const found = await find(held, token);
    if (found !== undefined) return found;
    await this.refresh();
    const again = this.held === held ? undefined : await find(this.held!, token);
    if (again === undefined) throw new CredentialRefused('unknown-key');
    return again;
  }

  private async current(): Promise<Held> {
    const age = this.held === undefined ? Infinity : this.now() - this.held.at;
    if (age > STALE_MS) await this.refresh();
    // A failure is met when the keys are stale; until then they serve.
    else if (age > FRESH_MS) this.refresh().catch(() => undefined);
    return this.held!;
  }

  /** Fetches the keys, unless that was just done. Throws if it failed, or just failed. */
  private async refresh(): Promise<void> {
    if (this.pending === undefined && this.now() < this.nextTry) {
      if (this.failure !== undefined) throw this.unreachable();
      return;
    }
    this.pending ??= this.fetch().finally(() => (this.pending = undefined));
    await this.pending;
  }

  private async fetch(): Promise<void> {
    try {
      const keys = await this.published();
      const text = JSON.stringify(keys);
      if (text !== this.held?.text) this.generation++;
      this.held = { find: createLocalJWKSet(keys), text, at: this.now() };
      this.failure = undefined;
      this.nextTry = this.now() + COOLDOWN_MS;
    } catch (error) {
      this.failure = error;
      this.nextTry = this.now() + RETRY_MS;
      throw this.unreachable();
    }
  }

  private async published(): Promise<JSONWebKeySet> {
    const { issuer, timeoutMs } = this;
    const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { issuer: says, jwks_uri: uri } = await fetchJson(discovery, timeoutMs);
    if (says !== issuer) throw new Error(`the issuer of ${discovery} is not ${issuer}`);
    const url = new URL(String(uri));
    // Plain HTTP only where the issuer itself is (on loopback).
    if (url.protocol !== 'https:' && url.protocol !== new URL(issuer).protocol)
      throw new Error(`jwks_uri of ${discovery} is not https`);
    // createLocalJWKSet checks that it is a key set.
    return (await fetchJson(url.href, timeoutMs)) as unknown as JSONWebKeySet;
  }

  private unreachable(): ProviderUnreachable {
    const wait = Math.max(1, Math.ceil((this.nextTry - this.now()) / 1_000));
    return new ProviderUnreachable(wait, this.failure);
  }
}

async function find(held: Held, [header, token]: KeyArguments): Promise<CryptoKey | undefined> {
  try {
    return await held.find(header, token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    // Several keys fit (a token that names none), or the one that fits cannot be used: nothing that fetching would change.
    throw new CredentialRefused('unknown-key');
  }
}
