import { status } from '@grpc/grpc-js';
import { Rejected, type RejectionCode } from '@gatehouse/domain';
import { challengeOf, CredentialRefused } from '@gatehouse/identity';
import { EdgeProblem, InvalidRequest, type EdgeCode, type FieldError } from '@gatehouse/platform';

/** Every code that an answer can carry. Public and permanent. */
export type ProblemCode = RejectionCode | EdgeCode;

/** An answer that is not a success: `throw new Problem(code, detail, extra?)` from anywhere behind either door. */
export class Problem extends EdgeProblem<ProblemCode> {
  override readonly name = 'Problem';
}

type Answer = { readonly status: number; readonly grpc: status; readonly title: string };

/** The one table: a code does not compile until it has a status on both doors. */
export const PROBLEMS: Record<ProblemCode, Answer> = {
  invalid: { status: 400, grpc: status.INVALID_ARGUMENT, title: 'The request is not valid' },
  'cursor-invalid': { status: 400, grpc: status.INVALID_ARGUMENT, title: 'The cursor is not one of ours' },
  'too-many': { status: 400, grpc: status.INVALID_ARGUMENT, title: 'Too many of something' },
  'actor-missing': { status: 401, grpc: status.UNAUTHENTICATED, title: 'A credential is missing' },
  'credential-invalid': { status: 401, grpc: status.UNAUTHENTICATED, title: 'The credential is not taken' },
  'own-approval': { status: 403, grpc: status.PERMISSION_DENIED, title: 'Nobody approves their own version' },
  'role-missing': { status: 403, grpc: status.PERMISSION_DENIED, title: 'The caller may not do this' },
  'own-grant': { status: 403, grpc: status.PERMISSION_DENIED, title: 'Nobody gives themselves a role' },
  'tenant-suspended': { status: 403, grpc: status.PERMISSION_DENIED, title: 'The tenant is suspended' },
  'model-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such model' },
  'version-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such version' },
  'policy-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such policy' },
  'key-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such key' },
  'grant-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such grant' },
  'tenant-unknown': { status: 404, grpc: status.NOT_FOUND, title: 'There is no such tenant' },
  'not-found': { status: 404, grpc: status.NOT_FOUND, title: 'There is nothing here' },
  'method-not-allowed': {
    status: 405,
    grpc: status.UNIMPLEMENTED,
    title: 'This path does not take this method',
  },
  'not-acceptable': {
    status: 406,
    grpc: status.INVALID_ARGUMENT,
    title: 'None of the accepted media types can be served',
  },
  timeout: { status: 408, grpc: status.DEADLINE_EXCEEDED, title: 'The request took too long' },
  'digest-differs': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'The version is not what was looked at',
  },
  'label-taken': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'The label belongs to another version',
  },
  'gate-not-met': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The gate is not met' },
  'not-in-staging': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The version is not in staging' },
  'not-approved': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'Approvals are missing' },
  'approval-void': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The approvals no longer count' },
  'never-live': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The version was never live' },
  'is-live': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The version is live' },
  'is-rollback-target': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'The version is the rollback target',
  },
  'is-deprecated': { status: 409, grpc: status.FAILED_PRECONDITION, title: 'The version is deprecated' },
  'no-rollback-target': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'There is nothing to roll back to',
  },
  'policy-tie': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'Two policies would govern the same model',
  },
  'no-break-glass': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'There is no break-glass to review',
  },
  'last-admin': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'The last admin stays',
  },
  'floating-alias': {
    status: 409,
    grpc: status.FAILED_PRECONDITION,
    title: 'Pin a number or a digest, not a floating name',
  },
  conflict: { status: 409, grpc: status.ABORTED, title: 'Others were faster, again and again' },
  'pointer-moved': { status: 412, grpc: status.ABORTED, title: 'The pointer is elsewhere' },
  'too-large': { status: 413, grpc: status.RESOURCE_EXHAUSTED, title: 'Too large' },
  'media-type-unsupported': {
    status: 415,
    grpc: status.INVALID_ARGUMENT,
    title: 'The body must be application/json',
  },
  'changelog-missing': { status: 422, grpc: status.FAILED_PRECONDITION, title: 'The changelog is blank' },
  'reason-missing': { status: 422, grpc: status.FAILED_PRECONDITION, title: 'A reason is missing' },
  'notice-too-short': { status: 422, grpc: status.FAILED_PRECONDITION, title: 'The sunset is too soon' },
  'expires-too-soon': {
    status: 422,
    grpc: status.FAILED_PRECONDITION,
    title: 'The key would have expired already',
  },
  'idempotency-key-reused': {
    status: 422,
    grpc: status.FAILED_PRECONDITION,
    title: 'The idempotency key belongs to another command',
  },
  'slow-down': { status: 429, grpc: status.RESOURCE_EXHAUSTED, title: 'Too many requests at once' },
  'quota-exceeded': { status: 429, grpc: status.RESOURCE_EXHAUSTED, title: 'The tenant has all it may have' },
  'headers-too-large': { status: 431, grpc: status.RESOURCE_EXHAUSTED, title: 'The headers are too large' },
  internal: { status: 500, grpc: status.INTERNAL, title: 'Something went wrong here' },
  'outcome-unknown': {
    status: 503,
    grpc: status.UNAVAILABLE,
    title: 'It is not known whether this was recorded',
  },
  'view-behind': { status: 503, grpc: status.UNAVAILABLE, title: 'The view has not got there yet' },
  stopping: { status: 503, grpc: status.UNAVAILABLE, title: 'The service is stopping' },
  'clock-skew': { status: 503, grpc: status.UNAVAILABLE, title: 'The clock of this machine is behind' },
  'store-unavailable': {
    status: 503,
    grpc: status.UNAVAILABLE,
    title: 'The store takes no writes at present',
  },
  'access-stale': {
    status: 503,
    grpc: status.UNAVAILABLE,
    title: 'It is not known who may do what at present',
  },
  'provider-unreachable': {
    status: 503,
    grpc: status.UNAVAILABLE,
    title: 'The identity provider does not answer',
  },
};

type Facts = { readonly [fact: string]: unknown };
type Named = Error & Facts;

const KEEP_KEY = 'Send it again with the same Idempotency-Key to learn the outcome.';

/** What the libraries throw, by the name of the error: each of them is public and permanent, too. */
const BY_NAME: { readonly [name: string]: (error: Named) => Problem } = {
  JsonRefused: ({ pointer, message }) => {
    const errors = [{ pointer: String(pointer), message }];
    return new Problem('invalid', new InvalidRequest(errors).message, { errors });
  },
  ProviderUnreachable: ({ message, retryAfter }) =>
    new Problem('provider-unreachable', message, { retryAfter: Number(retryAfter) }),
  PolicyRefused: ({ errors }) => {
    const refused = new InvalidRequest(errors as FieldError[]);
    return new Problem('invalid', refused.message, refused.extra);
  },
  CursorInvalid: () =>
    new Problem(
      'cursor-invalid',
      'Start again without a cursor: take `after` from `next` of an answer, unchanged.',
    ),
  WrongRevision: () =>
    new Problem('conflict', `Others kept changing the model. ${KEEP_KEY}`, { retryAfter: 1 }),
  OutcomeUnknown: () => new Problem('outcome-unknown', KEEP_KEY, { retryAfter: 1 }),
  StoreUnavailable: () =>
    new Problem(
      'store-unavailable',
      'Nothing was recorded: the log takes no writes at present. Try again in a moment.',
      { retryAfter: 5 },
    ),
  EventTooLarge: ({ message }) => new Problem('too-large', `Send less: ${message}.`),
  QueueFull: () =>
    new Problem('slow-down', 'Too many commands wait for this model. Try again.', { retryAfter: 1 }),
  RateLimited: ({ message, retryAfter }) =>
    new Problem('slow-down', message, { retryAfter: Number(retryAfter) }),
  QuotaExceeded: ({ message, what, limit, retryAfter }) =>
    new Problem('quota-exceeded', message, { what, limit, retryAfter: Number(retryAfter) }),
  ClockSkew: () =>
    new Problem('clock-skew', 'The clock is behind the last event by more than a minute: correct it.', {
      retryAfter: 30,
    }),
  DeadlinePassed: () =>
    new Problem('timeout', 'Nothing was recorded: others were first, or the log did not answer. Try again.', {
      retryAfter: 1,
    }),
  LogTruncated: () =>
    new Problem(
      'store-unavailable',
      'The log of this model has a gap, so nothing is decided on it. Tell the operators the request id.',
    ),
  IdempotencyKeyReused: () =>
    new Problem(
      'idempotency-key-reused',
      'Send a new Idempotency-Key: this one was used for another command.',
    ),
};

/** The problem that an error is. What is not known here is `internal`, and its text stays here. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof EdgeProblem) return new Problem(error.code as EdgeCode, error.message, error.extra);
  if (error instanceof CredentialRefused) {
    const code = error.reason === 'missing' ? 'actor-missing' : 'credential-invalid';
    return new Problem(code, error.message, { challenge: challengeOf(error) });
  }
  if (error instanceof Rejected) return new Problem(error.code, error.message, { ...error.facts });
  const known =
    error instanceof Error && Object.hasOwn(BY_NAME, error.name) ? BY_NAME[error.name] : undefined;
  return (
    known?.(error as Named) ??
    new Problem('internal', 'Nothing you can correct. Tell the operators the request id.')
  );
}
