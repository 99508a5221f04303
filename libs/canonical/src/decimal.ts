type Decimal = { readonly digits: string; readonly exponent: number };

/** Sign, digits without zeros at either end, power of ten. Loops, because /0+$/ takes n² steps on `100…001`. */
function decimalOf(text: string): Decimal {
  const sign = text.startsWith('-') ? '-' : '';
  const [mantissa = '', power = '0'] = text.slice(sign.length).split(/[eE]/, 2);
  const [whole = '', fraction = ''] = mantissa.split('.', 2);
  const all = whole + fraction;
  let start = 0;
  let end = all.length;
  while (start < end && all[start] === '0') start += 1;
  while (end > start && all[end - 1] === '0') end -= 1;
  if (start === end) return { digits: '', exponent: 0 };
  return {
    digits: sign + all.slice(start, end),
    exponent: Number(power) - fraction.length + (all.length - end),
  };
}

/**
 * Whether the number as it was written and as it will be printed are the same decimal value: `92.0`, `1e2` and `-0`
 * are, `0.1000000000000000055` and `1e-400` are not.
 */
export function sameDecimal(written: string, value: number): boolean {
  const printed = String(value);
  if (written === printed) return true;
  const a = decimalOf(written);
  const b = decimalOf(printed);
  return a.digits === b.digits && a.exponent === b.exponent;
}
