import { TokenBuckets } from './token-buckets';

/** Requests a second; Infinity: as many as they like. */
export type Rates = { readonly credential: number; readonly tenant: number };

/** Too many requests a second: 429, and when to come again. */
export class RateLimited extends Error {
  override readonly name = 'RateLimited';
  constructor(
    readonly scope: 'credential' | 'tenant',
    /** Whole seconds, at least one. */
    readonly retryAfter: number,
  ) {
    super(`Slow down: this ${scope} has made all the requests it may make in a second.`);
  }
}

/** Lets requests in, or not. */
export interface RateLimiter {
  /** Counts a request of a credential that was verified. Throws `RateLimited`; what is refused costs nothing. */
  admit(tenant: string, credential: string): void;
}

/**
 * A token bucket for each credential and each tenant, in the memory of this process: a second's worth of requests at once, then as
 * many as the rate says. Credentials of two tenants never share one.
 */
export class RequestRates implements RateLimiter {
  private readonly credentials: TokenBuckets | undefined;
  private readonly tenants: TokenBuckets | undefined;

  constructor({ credential, tenant }: Rates, now: () => number = () => performance.now()) {
    this.credentials = credential === Infinity ? undefined : new TokenBuckets(credential, now);
    this.tenants = tenant === Infinity ? undefined : new TokenBuckets(tenant, now);
  }

  admit(tenant: string, credential: string): void {
    const own = this.credentials?.of(`${tenant}/${credential}`);
    if (own !== undefined && own.tokens < 1) throw refused('credential', this.credentials!.waitMs(own));
    const shared = this.tenants?.of(tenant);
    if (shared !== undefined && shared.tokens < 1) throw refused('tenant', this.tenants!.waitMs(shared));
    if (own !== undefined) own.tokens--;
    if (shared !== undefined) shared.tokens--;
  }
}

function refused(scope: 'credential' | 'tenant', waitMs: number): RateLimited {
  return new RateLimited(scope, Math.max(1, Math.ceil(waitMs / 1_000)));
}
