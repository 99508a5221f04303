/** The entity tag of a pointer revision. */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** Whether an `If-None-Match` names this tag: `*`, a list, or weak forms (RFC 9110: compared weakly). */
export function noneMatches(header: string, etag: string): boolean {
  if (header === etag || header.trim() === '*') return true;
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
