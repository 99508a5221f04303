/**
 * Exact decimal arithmetic on the numbers people wrote: a number is read in its shortest form that round-trips
 * (ECMA-262 Number::toString), so 0.91 − 0.90 is 0.01 and not 0.010000000000000009.
 */
type Decimal = { readonly digits: bigint; readonly exponent: number };

const FORM = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

function decimal(value: number): Decimal {
  const parts = FORM.exec(String(value));
  if (!parts) throw new RangeError(`not a finite number: ${value}`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  return { digits: BigInt(sign + whole + fraction), exponent: Number(exponent) - fraction.length };
}

function scaled(value: Decimal, exponent: number): bigint {
  return value.digits * 10n ** BigInt(value.exponent - exponent);
}

function difference(a: number, b: number): Decimal {
  const [x, y] = [decimal(a), decimal(b)];
  const exponent = Math.min(x.exponent, y.exponent);
  return { digits: scaled(x, exponent) - scaled(y, exponent), exponent };
}

/** a − b, exactly, as the nearest number; what is beyond the largest finite number becomes that one. */
export function minus(a: number, b: number): number {
  const { digits, exponent } = difference(a, b);
  const nearest = Number(`${digits}e${exponent}`);
  return Number.isFinite(nearest) ? nearest : Math.sign(nearest) * Number.MAX_VALUE;
}

/** Whether a − b ≤ limit, exactly. */
export function differsAtMost(a: number, b: number, limit: number): boolean {
  const left = difference(a, b);
  const right = decimal(limit);
  const exponent = Math.min(left.exponent, right.exponent);
  return scaled(left, exponent) <= scaled(right, exponent);
}
