import { status } from '@grpc/grpc-js';
import { ErrorType } from '@eventstore/db-client';

/**
 * What an error of the server or of the connection means to us:
 * - `wrong-revision`, `denied`, `deleted`, `too-large`, `bad-request`: an answer, and nothing was written;
 * - `not-sent`: nothing was written, and another try may succeed (no connection yet, not the leader);
 * - `lost`: what became of it is not known, and another try may succeed;
 * - `unexplained`: the same, but it was the server that said so. A read of which it has given nothing yet may have been
 *   asked for what is not there.
 */
export type FaultKind =
  | 'wrong-revision'
  | 'denied'
  | 'deleted'
  | 'too-large'
  | 'bad-request'
  | 'unsupported'
  | 'not-sent'
  | 'lost'
  | 'unexplained';

/** A call that did not come to an answer we can use. */
export class Fault extends Error {
  override readonly name = 'Fault';
  /** What may be told to everybody: the text is gRPC's code or ours, and names no stream. */
  readonly told = this.message;
  constructor(
    readonly kind: FaultKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the server names in its trailers, which says more than the gRPC code. */
const BY_EXCEPTION: { readonly [name: string]: FaultKind | undefined } = {
  [ErrorType.WRONG_EXPECTED_VERSION]: 'wrong-revision',
  [ErrorType.ACCESS_DENIED]: 'denied',
  [ErrorType.STREAM_DELETED]: 'deleted',
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED]: 'too-large',
  [ErrorType.NOT_LEADER]: 'not-sent',
};

const BY_CODE: { readonly [code: number]: FaultKind | undefined } = {
  [status.UNAUTHENTICATED]: 'denied',
  [status.PERMISSION_DENIED]: 'denied',
  [status.INVALID_ARGUMENT]: 'bad-request',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.UNKNOWN]: 'unexplained',
};

/** Told by the server's trailer and gRPC's code, never by the text; what is not told is `lost`. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  // Errors of grpc-js carry both; those of anything else neither.
  const { code, metadata } = (error ?? {}) as { code?: unknown; metadata?: { get?(key: string): unknown[] } };
  const exception = metadata?.get?.('exception')[0];
  const named = BY_EXCEPTION[String(exception)];
  const kind = named ?? (typeof code === 'number' ? BY_CODE[code] : undefined) ?? 'lost';
  const name = typeof code === 'number' ? (status[code] ?? `code ${code}`) : 'an error of the connection';
  return new Fault(kind, named ? `${name}, ${String(exception)}` : name, { cause: error });
}

/** Whether the same call may succeed a moment later. */
export function mayPass({ kind }: Fault): boolean {
  return kind === 'not-sent' || inDoubt({ kind });
}

/** Whether what was asked for may have been done. */
export function inDoubt({ kind }: Pick<Fault, 'kind'>): boolean {
  return kind === 'lost' || kind === 'unexplained';
}
