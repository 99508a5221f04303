import canonicalize from 'canonicalize';

/**
 * RFC 8785: one text for one JSON value, whatever the order of its keys. Undefined members are skipped. Judges
 * nothing (that is `checkJson`), but what has no JSON form at all is a TypeError.
 *
 * The library takes 1.4 times as long as a hand-written key-sorted stringify (30 µs against 22 µs for an event
 * of 1.7 KB): not worth an own one.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}
