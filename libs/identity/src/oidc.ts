import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import { hash } from 'node:crypto';
import { identify, type ClaimNames, type Identified } from './claims';
import { ProviderKeys } from './provider-keys';
import { CredentialRefused } from './refused';

/** Fixed: only signatures that whoever verifies cannot make. A token does not choose, it is in the list or refused. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** How far the clocks of provider and service may differ. */
const CLOCK_SKEW_S = 60;
/** What was verified is not verified again for so long. A key that its issuer withdraws ends it at once. */
const KNOWN_MS = 30_000;
const MOST_KNOWN = 10_000;
// Logout and event tokens are signed with the same keys, and are no credentials.
const TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt', 'application/at+jwt', 'application/jwt'];

export type OidcOptions = {
  readonly issuer: string;
  readonly audience: string;
  readonly claims: ClaimNames;
  /** The tenant of tokens without a tenant claim. Absent: they are refused. */
  readonly tenant?: string;
  readonly timeoutMs?: number;
  /** The time in milliseconds, as `Date.now` tells it. */
  readonly now?: () => number;
};

type Known = { readonly who: Identified; readonly until: number };

/** Verifies the bearer tokens of one OpenID provider. */
export class OidcVerifier {
  private readonly keys: ProviderKeys;
  private readonly now: () => number;
  private readonly verified = new Map<string, Known>();
  private generation = 0;

  constructor(private readonly options: OidcOptions) {
    this.now = options.now ?? Date.now;
    this.keys = new ProviderKeys(options.issuer, options.timeoutMs ?? 3_000, this.now);
  }

  /** Who a token speaks for, if that was verified within the last half minute and still holds. */
  known(token: string): Identified | undefined {
    this.forgetOldKeys();
    const known = this.verified.get(nameOf(token));
    return known !== undefined && this.now() < known.until ? known.who : undefined;
  }

  /** Who a token speaks for. Throws `CredentialRefused` with the reason, or `ProviderUnreachable` if nobody can say. */
  async verify(token: string): Promise<Identified> {
    const known = this.known(token);
    if (known !== undefined) return known;
    // Before any key is looked for: what is not meant for us, or is over, must not make us ask anybody.
    this.refuseForeign(token);
    const { issuer, audience, claims, tenant } = this.options;
    try {
      const { payload } = await jwtVerify(token, (...named) => this.keys.keyFor(...named), {
        algorithms: [...ALGORITHMS],
        issuer,
        audience,
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(this.now()),
        requiredClaims: ['exp'],
      });
      // Bound to a key of its bearer, which nobody has proven to hold here: taken as plain bearer it would lose its point.
      if (payload['cnf'] !== undefined)
        throw new CredentialRefused('claims-invalid', 'Send a token that is not sender-constrained.');
      const who = identify(payload, claims, issuer, tenant);
      // `exp` is required above.
      this.remember(token, who, payload.exp!);
      return who;
    } catch (error) {
      throw refusalOf(error);
    }
  }

  private refuseForeign(token: string): void {
    try {
      const { alg, typ, crit } = decodeProtectedHeader(token);
      if (!ALGORITHMS.some((one) => one === alg)) throw new CredentialRefused('wrong-algorithm');
      if (crit !== undefined || !TYPES.includes(typ?.toLowerCase())) throw new CredentialRefused('malformed');
      const { iss, exp } = decodeJwt(token);
      if (iss !== this.options.issuer) throw new CredentialRefused('wrong-issuer');
      if (typeof exp === 'number' && (exp + CLOCK_SKEW_S) * 1_000 <= this.now())
        throw new CredentialRefused('expired');
    } catch (error) {
      throw error instanceof CredentialRefused ? error : new CredentialRefused('malformed');
    }
  }

  private remember(token: string, who: Identified, expires: number): void {
    this.forgetOldKeys();
    const until = Math.min(this.now() + KNOWN_MS, (expires + CLOCK_SKEW_S) * 1_000);
    const [oldest] = this.verified.keys();
    if (this.verified.size >= MOST_KNOWN && oldest !== undefined) this.verified.delete(oldest);
    this.verified.set(nameOf(token), { who, until });
  }

  private forgetOldKeys(): void {
    if (this.generation === this.keys.generation) return;
    this.generation = this.keys.generation;
    this.verified.clear();
  }
}

/** Tokens themselves are not kept. */
function nameOf(token: string): string {
  return hash('sha256', token, 'base64');
}

/** What an error of `jose` means to the bearer. What is none of its errors is passed on. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new CredentialRefused('expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new CredentialRefused(claimRefused(error.claim));
  if (error instanceof errors.JOSEAlgNotAllowed) return new CredentialRefused('wrong-algorithm');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new CredentialRefused('signature-invalid');
  if (error instanceof errors.JOSEError) return new CredentialRefused('malformed');
  // A key too weak for its algorithm, which jose says so.
  if (error instanceof TypeError) return new CredentialRefused('unknown-key');
  return error;
}

function claimRefused(claim: string) {
  if (claim === 'iss') return 'wrong-issuer';
  if (claim === 'aud') return 'wrong-audience';
  if (claim === 'nbf') return 'not-yet-valid';
  return 'claims-invalid';
}
