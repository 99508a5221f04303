import { Metadata, type ServiceError, status } from '@grpc/grpc-js';

/** An answer that is an error: gRPC's code, a text, and the trailers that the client tells exceptions by. */
export class RpcError extends Error implements ServiceError {
  constructor(
    readonly code: status,
    readonly details: string,
    readonly metadata: Metadata = new Metadata(),
  ) {
    super(details);
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const rpc = {
  unavailable: () => new RpcError(status.UNAVAILABLE, 'Server Is Not Ready'),
  busy: () => new RpcError(status.UNAVAILABLE, 'Server Is Too Busy'),
  deadline: () => new RpcError(status.DEADLINE_EXCEEDED, 'Deadline Exceeded'),
  unauthenticated: () => new RpcError(status.UNAUTHENTICATED, 'Received HTTP status code 401'),
  unimplemented: () => new RpcError(status.UNIMPLEMENTED, 'Service is unimplemented.'),
  invalidPosition: () => new RpcError(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.'),
  unknownError: () => new RpcError(status.UNKNOWN, 'Unexpected FilteredReadAllResult: Error'),
  tooSlow: () =>
    new RpcError(
      status.ABORTED,
      'Operation timed out: consumer too slow to handle event while live. Client resubscription required.',
    ),
  accessDenied: () => exception(status.PERMISSION_DENIED, 'Access Denied', 'access-denied'),
  notLeader: (leader: Address) =>
    exception(status.NOT_FOUND, 'Leader info available', 'not-leader', {
      'leader-endpoint-host': leader.host,
      'leader-endpoint-port': String(leader.port),
    }),
  streamDeleted: (stream: string) =>
    exception(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, 'stream-deleted', {
      'stream-name': stream,
    }),
  wrongVersion: (stream: string, expected: string, actual: number) =>
    exception(
      status.FAILED_PRECONDITION,
      `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
      'wrong-expected-version',
      {
        'stream-name': stream,
        'expected-version': expected,
        ...(actual >= 0 && { 'actual-version': String(actual) }),
      },
    ),
  appendTooLarge: (limit: number) =>
    exception(
      status.INVALID_ARGUMENT,
      `Maximum Append Size of ${limit} Exceeded.`,
      'maximum-append-size-exceeded',
      { 'maximum-append-size': String(limit) },
    ),
};

function exception(
  code: status,
  details: string,
  name: string,
  trailers: Readonly<Record<string, string>> = {},
): RpcError {
  const metadata = new Metadata();
  metadata.set('exception', name);
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return new RpcError(code, details, metadata);
}
