/** What is left of a bucket, as of a time. */
export type Bucket = { tokens: number; at: number };

const MOST = 50_000;

/**
 * Token buckets by name that refill at one rate and hold a second's worth, at least one token. Memory is bounded without making
 * anybody wait longer: a bucket that nobody touched for as long as it takes to refill is full, and a full one need not be
 * kept. So there are two generations, and the older one is dropped whole. Beyond the most there may be, the oldest are forgotten early.
 */
export class TokenBuckets {
  private young = new Map<string, Bucket>();
  private old = new Map<string, Bucket>();
  private turnedAt: number;
  private readonly most: number;
  private readonly refillMs: number;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number,
    private readonly kept = MOST,
  ) {
    this.most = Math.max(1, perSecond);
    this.refillMs = (this.most / perSecond) * 1_000;
    this.turnedAt = now();
  }

  /** The bucket of a name, refilled until now. Who takes a token takes it from `tokens`. */
  of(name: string): Bucket {
    const now = this.now();
    this.turn(now);
    let bucket = this.young.get(name);
    if (bucket === undefined) {
      bucket = this.old.get(name) ?? { tokens: this.most, at: now };
      this.young.set(name, bucket);
    }
    bucket.tokens = Math.min(this.most, bucket.tokens + ((now - bucket.at) * this.perSecond) / 1_000);
    bucket.at = now;
    return bucket;
  }

  /** How long until there is a token in it, in milliseconds. */
  waitMs({ tokens }: Bucket): number {
    return Math.max(0, ((1 - tokens) * 1_000) / this.perSecond);
  }

  /** How many are in memory. */
  get size(): number {
    return this.young.size + this.old.size;
  }

  private turn(now: number): void {
    const since = now - this.turnedAt;
    if (since < this.refillMs && this.young.size < this.kept) return;
    // Nobody touched anything for two turns: all of them are full.
    this.old = since >= 2 * this.refillMs ? new Map<string, Bucket>() : this.young;
    this.young = new Map();
    this.turnedAt = now;
  }
}
