/** What the edge itself answers, before or beside the domain. Public and permanent (`docs/api.md`). */
export type EdgeCode =
  | 'invalid'
  | 'cursor-invalid'
  | 'actor-missing'
  | 'credential-invalid'
  | 'role-missing'
  | 'tenant-suspended'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'timeout'
  | 'media-type-unsupported'
  | 'headers-too-large'
  | 'floating-alias'
  | 'conflict'
  | 'too-large'
  | 'slow-down'
  | 'quota-exceeded'
  | 'outcome-unknown'
  | 'view-behind'
  | 'stopping'
  | 'clock-skew'
  | 'store-unavailable'
  | 'access-stale'
  | 'provider-unreachable'
  | 'internal';

/** A field that was refused. `pointer` is a JSON pointer into the body; its first name may be a parameter or a header. */
export type FieldError = { readonly pointer: string; readonly message: string };

/** Members that some codes carry besides the standard ones, e.g. `errors`, `live`, `pin`; `retryAfter` (seconds) and `challenge` become headers. */
export type ProblemExtra = {
  readonly retryAfter?: number;
  readonly challenge?: string;
  readonly errors?: readonly FieldError[];
} & {
  readonly [member: string]: unknown;
};

/** An answer that is not a success. Throw it from anywhere: one filter turns it into problem+json or a gRPC status. */
export class EdgeProblem<Code extends string = EdgeCode> extends Error {
  override readonly name: string = 'EdgeProblem';
  constructor(
    readonly code: Code,
    /** What to do next, in one sentence; it reaches the client. */
    detail: string,
    readonly extra: ProblemExtra = {},
  ) {
    super(detail);
  }
}

const MOST_ERRORS = 100;
const POINTER_LIMIT = 1_000;

/**
 * 400 `invalid`, with the fields that were refused: the first hundred, and how many more. What a client sent comes back in it, so it
 * is kept small: over gRPC it travels in trailers, and a client that gets too many of them waits for ever.
 */
export class InvalidRequest extends EdgeProblem {
  override readonly name: string = 'InvalidRequest';
  constructor(errors: readonly FieldError[]) {
    const told = errors.slice(0, MOST_ERRORS).map(shortened);
    super('invalid', summary(told, errors.length), { errors: told });
  }
}

/** A pointer that is too long ends at the nearest ancestor that fits, as in `canonical`. */
function shortened({ pointer, message }: FieldError): FieldError {
  if (pointer.length <= POINTER_LIMIT) return { pointer, message };
  return { pointer: pointer.slice(0, pointer.lastIndexOf('/', POINTER_LIMIT)), message };
}

function summary([first]: readonly FieldError[], count: number): string {
  if (first === undefined) return 'The request is not valid.';
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return `Correct ${first.pointer || 'the body'}: ${first.message}${more}.`;
}
