import fc from 'fast-check';
import { QuotaExceeded, requireQuota } from './quota';
import { RateLimited, RequestRates, type Rates } from './rate-limit';
import { TokenBuckets } from './token-buckets';

function ratesOf(rates: Partial<Rates>) {
  const clock = { ms: 0 };
  const limits = new RequestRates({ credential: Infinity, tenant: Infinity, ...rates }, () => clock.ms);
  const tries = (count: number, tenant = 'acme', credential = 'k1') => {
    let admitted = 0;
    for (let i = 0; i < count; i++)
      try {
        limits.admit(tenant, credential);
        admitted++;
      } catch (error) {
        if (!(error instanceof RateLimited)) throw error;
      }
    return admitted;
  };
  return { clock, limits, tries };
}

describe('requests a second', () => {
  it('of a credential: a second’s worth at once, then at the rate', () => {
    const { clock, tries } = ratesOf({ credential: 50 });
    expect(tries(80)).toBe(50);
    clock.ms += 100;
    expect(tries(80)).toBe(5);
    clock.ms += 60_000;
    expect(tries(80)).toBe(50);
  });

  it('are never more than the rate and one burst, whenever they come', () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 1, max: 30 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), gaps, (rate, steps) => {
        const { clock, tries } = ratesOf({ credential: rate });
        let admitted = 0;
        for (const [wait, count] of steps) {
          clock.ms += wait;
          admitted += tries(count);
        }
        expect(admitted).toBeLessThanOrEqual(rate + (clock.ms / 1_000) * rate + 1e-6);
      }),
    );
  });

  it('of one credential are not those of another, nor those of the same name in another tenant', () => {
    const { tries } = ratesOf({ credential: 10 });
    expect([tries(20), tries(20, 'acme', 'k2'), tries(20, 'other')]).toEqual([10, 10, 10]);
  });

  it('of a tenant are shared by its credentials, and by nobody else', () => {
    const { tries } = ratesOf({ credential: 10, tenant: 15 });
    expect([tries(20), tries(20, 'acme', 'k2'), tries(20, 'acme', 'k3'), tries(20, 'other')]).toEqual([
      10, 5, 0, 10,
    ]);
  });

  it('that are refused cost nothing: who waits as long as told is let in', () => {
    const { clock, limits, tries } = ratesOf({ credential: 1, tenant: 2 });
    expect(tries(100)).toBe(1);
    const refusal = () => {
      try {
        limits.admit('acme', 'k1');
      } catch (error) {
        return error as RateLimited;
      }
      throw new Error('was admitted');
    };
    expect(refusal()).toMatchObject({ name: 'RateLimited', scope: 'credential', retryAfter: 1 });
    clock.ms += refusal().retryAfter * 1_000;
    expect(tries(1)).toBe(1);
  });

  it('without a limit are not counted', () => {
    expect(ratesOf({}).tries(100_000)).toBe(100_000);
  });
});

describe('the memory of the buckets', () => {
  it('is that of those who called within two refills', () => {
    const clock = { ms: 0 };
    const buckets = new TokenBuckets(10, () => clock.ms);
    for (let i = 0; i < 20_000; i++) {
      clock.ms += 1;
      buckets.of(`caller-${i}`).tokens--;
    }
    expect(buckets.size).toBeLessThanOrEqual(2_001);
    clock.ms += 60_000;
    buckets.of('late');
    expect(buckets.size).toBe(1);
  });

  it('is bounded however many call at once', () => {
    const buckets = new TokenBuckets(10, () => 0, 1_000);
    for (let i = 0; i < 50_000; i++) buckets.of(`caller-${i}`).tokens--;
    expect(buckets.size).toBeLessThanOrEqual(2_000);
  });
});

describe('a quota', () => {
  const most = { models: 2, versions: 10, bytes: 1_000 };
  const used = { models: 2, versions: 9, bytes: 900 };

  it('lets in what fits, to the last', () => {
    expect(() => requireQuota(used, most, { versions: 1, bytes: 100 })).not.toThrow();
    expect(() => requireQuota({ ...used, versions: 50, bytes: 5_000 }, most, {})).not.toThrow();
    expect(() =>
      requireQuota(used, { models: Infinity, versions: Infinity, bytes: Infinity }, { models: 9 }),
    ).not.toThrow();
  });

  it.each([
    [{ models: 1 }, 'models', 2],
    [{ versions: 2 }, 'versions', 10],
    [{ versions: 1, bytes: 101 }, 'bytes', 1_000],
  ] as const)('refuses %j, and says what there is too much of', (adds, what, limit) => {
    const refusal = expect.objectContaining({
      name: 'QuotaExceeded',
      what,
      limit,
      retryAfter: 3_600,
    }) as QuotaExceeded;
    expect(() => requireQuota(used, most, adds)).toThrow(refusal);
  });
});
