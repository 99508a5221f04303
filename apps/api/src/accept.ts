/**
 * The first of our media types that an `Accept` header takes, in the client's order of preference (RFC 9110), or
 * undefined if it takes none. No header takes everything.
 */
export function negotiate(accept: string | undefined, offers: readonly string[]): string | undefined {
  if (accept === undefined || accept === '' || accept === '*/*') return offers[0];
  const ranges = accept.split(',', 50).map(rangeOf);
  let best: { offer: string; quality: number } | undefined;
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges);
    if (quality > (best?.quality ?? 0)) best = { offer, quality };
  }
  return best?.offer;
}

type Range = { readonly type: string; readonly quality: number };

function rangeOf(text: string): Range {
  const [type, ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = q === undefined ? 1 : Number(q.slice(2));
  return { type: type!, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** Of the ranges that match, the most specific one says how welcome a type is. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  const [major] = offer.split('/');
  for (const type of [offer, `${major}/*`, '*/*']) {
    const range = ranges.find((one) => one.type === type);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
