import type { Rates } from './rate-limit';

/** What a tenant has, or may have at most; Infinity: as much as they like. */
export type Amounts = { readonly models: number; readonly versions: number; readonly bytes: number };

/** How much anybody may ask for. */
export type Limits = { readonly perSecond: Rates; readonly quota: Amounts };

/** How much of each there is. It may be some moments old: see `requireQuota`. */
export interface Usage {
  of(tenant: string): Amounts;
}

/** Room is made by people, not by waiting: come again in an hour. */
const RETRY_AFTER_S = 3_600;

/** A tenant has as much as it may have: 429. */
export class QuotaExceeded extends Error {
  override readonly name = 'QuotaExceeded';
  readonly retryAfter = RETRY_AFTER_S;
  constructor(
    readonly what: keyof Amounts,
    readonly limit: number,
  ) {
    super(`This tenant has all the ${what} it may have (${limit}): ask whoever runs the service for more.`);
  }
}

/**
 * Refuses what would take a tenant beyond its quota. Asked before commands that add models, versions or payload, and before no
 * others: rolling back, promoting, approving and deprecating always go through, because a full tenant must be able to act. It protects
 * the capacity of the service, not a rule of the domain: what is known of the usage may lag behind the log, so that commands under way
 * can overshoot by as many as there are.
 */
export function requireQuota(used: Amounts, most: Amounts, adds: Partial<Amounts>): void {
  for (const what of ['models', 'versions', 'bytes'] as const) {
    const added = adds[what] ?? 0;
    if (added > 0 && used[what] + added > most[what]) throw new QuotaExceeded(what, most[what]);
  }
}
