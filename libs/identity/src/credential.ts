import { looksLikeApiKey, parseApiKey, type ParsedKey } from './api-key';
import { CredentialRefused } from './refused';

/** What came in the `Authorization` header: taken apart, not yet verified. */
export type Presented =
  { readonly kind: 'key'; readonly key: ParsedKey } | { readonly kind: 'token'; readonly token: string };

// Tokens with many groups are long; Node takes 16 KiB of headers in all.
const LONGEST_TOKEN = 12_288;
// RFC 9110: one scheme, in any case, one space or more, one token68.
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
// A JWS in compact form: three parts, the last (the signature) possibly empty, which is refused later, by name.
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Reads the value of `Authorization` (over gRPC: of the metadata entry `authorization`). Refuses what is missing, what is sent
 * twice (both doors join the values with a comma), and what is neither a key nor a signed token.
 */
export function credentialOf(header: string | undefined): Presented {
  if (header === undefined || header === '') throw new CredentialRefused('missing');
  const text = header.length > LONGEST_TOKEN ? undefined : BEARER.exec(header)?.[1];
  if (text === undefined) throw new CredentialRefused('malformed');
  if (looksLikeApiKey(text)) return { kind: 'key', key: parseApiKey(text) };
  if (!COMPACT.test(text)) throw new CredentialRefused('malformed');
  return { kind: 'token', token: text };
}

// Long enough that nobody's model is called so.
const LIKE_ONE = /(?:gatehouse(?:-platform)?_|eyJ)[\w.-]{20,}/g;

// A visible character, percent-encoded; or that, with its percent sign encoded again, and again.
const ESCAPED = /%(?:25)*([2-7][0-9a-f])/gi;
/** Whoever spells out all of `%5F` in escapes, and all of that, is followed no further. */
const MOST_TIMES = 3;

/**
 * What a client sent, fit to be logged: without whatever looks like an API key or a signed token, well made or not, percent-encoded or
 * not. Only where there is one is the rest of it decoded, too.
 */
export function withoutCredentials(text: string): string {
  const plain = unescaped(text);
  const clean = plain.replace(LIKE_ONE, '…');
  return clean === plain ? text : clean;
}

/** What is no escape of a visible character stays as it is. */
function unescaped(text: string): string {
  let plain = text;
  for (let times = 0; times < MOST_TIMES && plain.includes('%'); times++)
    plain = plain.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return plain;
}
