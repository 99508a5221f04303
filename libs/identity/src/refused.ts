/** What each reason for refusing a credential tells its bearer. Nothing in it says what exists for somebody else. */
const ADVICE = {
  missing: 'Send a credential: Authorization: Bearer, and an API key or a token.',
  malformed: 'The credential is neither an API key nor a signed token: is it cut off or mistyped?',
  expired: 'The credential has expired: get a new one.',
  'not-yet-valid': 'The token is not valid yet: correct the clock of who issued it, or wait.',
  'wrong-issuer': 'The token comes from an issuer that is not trusted here.',
  'wrong-audience': 'The token was made for somebody else: ask for one with the audience of this service.',
  'wrong-algorithm': 'The token is not signed with one of the asymmetric algorithms taken here.',
  'unknown-key': 'The token names a key that its issuer does not publish.',
  'signature-invalid': 'The signature of the token does not verify.',
  'claims-invalid':
    'The token does not say who calls, and for which tenant, in the claims that are read here.',
  unknown: 'There is no such credential.',
  revoked: 'The credential was revoked: ask an admin for a new one.',
} as const;

export type RefusalReason = keyof typeof ADVICE;

/** A credential that is not taken: 401. The message reaches the client and holds nothing of the credential. */
export class CredentialRefused extends Error {
  override readonly name = 'CredentialRefused';
  constructor(
    readonly reason: RefusalReason,
    detail: string = ADVICE[reason],
  ) {
    super(detail);
  }
}

/** Whether the token is good cannot be said, because who issues tokens does not answer: 503, never 401. */
export class ProviderUnreachable extends Error {
  override readonly name = 'ProviderUnreachable';
  constructor(
    /** Seconds after which it is asked again. */
    readonly retryAfter: number,
    /** For the log, never for the client. */
    override readonly cause?: unknown,
  ) {
    super('The identity provider cannot be asked at present, so no token can be checked. Try again.');
  }
}

/** What `WWW-Authenticate` says with a 401 (RFC 6750): no error where nothing was sent. */
export function challengeOf({ reason, message }: CredentialRefused): string {
  const challenge = 'Bearer realm="gatehouse"';
  if (reason === 'missing') return challenge;
  return `${challenge}, error="invalid_token", error_description="${message.replace(/["\\]/g, "'")}"`;
}
