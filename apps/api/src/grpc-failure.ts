import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { statusDetails } from '@gatehouse/contracts';
import { PROBLEMS, type Problem } from './problem';

/** What gRPC answers for a problem: the status, and the code and fields in `grpc-status-details-bin`. */
export type Failure = Pick<ServiceError, 'code' | 'details' | 'metadata'>;

// It travels in a trailer, like the details: a client that gets too large ones waits for ever.
const MESSAGE_LIMIT = 1_000;

/** From a problem to a gRPC status. Extra members (`gate`, `live` …) travel as JSON in the metadata of `ErrorInfo`. */
export function failureOf(problem: Problem, requestId: string): Failure {
  const { grpc: code } = PROBLEMS[problem.code];
  const { errors, retryAfter, ...rest } = problem.extra;
  const details = statusDetails({
    code,
    message: problem.message,
    reason: problem.code,
    metadata: { instance: requestId, ...asJson(rest) },
    fieldViolations: errors?.map(({ pointer, message }) => ({ field: pointer, description: message })),
    retryAfterMs: retryAfter === undefined ? undefined : retryAfter * 1_000,
  });
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  metadata.set('grpc-status-details-bin', details);
  return { code, details: problem.message.slice(0, MESSAGE_LIMIT), metadata };
}

function asJson(extra: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, JSON.stringify(value)]));
}
