import { InvalidRequest } from '@gatehouse/platform';

// What a write may say besides its body, in the headers of HTTP and the metadata of gRPC alike.

const KEY = /^[\x21-\x7e]{1,255}$/;
const ENTITY_TAG = /^"(0|[1-9]\d{0,9})"$/;

/** Reads a header, or a metadata entry; undefined when it is absent. */
export type HeaderReader = (name: string) => string | undefined;

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): 1–255 visible ASCII characters. */
export function idempotencyKey(header: HeaderReader): string | undefined {
  const key = header('idempotency-key');
  if (key === undefined || KEY.test(key)) return key;
  throw refused('Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
}

/** `If-Match` (RFC 9110, 13.1.1): the pointer revision that the client expects; `*` expects nothing. */
export function expectedPointer(header: HeaderReader): number | undefined {
  const tag = header('if-match');
  if (tag === undefined || tag.trim() === '*') return undefined;
  const match = ENTITY_TAG.exec(tag.trim());
  if (!match)
    throw refused('If-Match', 'must be one pointer revision in quotes, as an ETag gave it, e.g. "7"');
  return Number(match[1]);
}

/** Only what moves the pointer takes an `If-Match`: to pass over it in silence would be a promise broken. */
export function refuseExpectedPointer(header: HeaderReader): void {
  if (header('if-match') !== undefined)
    throw refused('If-Match', 'is taken on promotion and rollback only; leave it out');
}

function refused(name: string, message: string): InvalidRequest {
  return new InvalidRequest([{ pointer: `/${name}`, message }]);
}
