import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { statusDetails } from '@gatehouse/contracts';
import { PROBLEMS, type Problem } from './problem';

/** What gRPC answers for a problem: the status, and the code and fields in `grpc-status-details-bin`. */
export type Failure = Pick<ServiceError, 'code' | 'details' | 'metadata'>;

// It travels in a trailer, like the details: a client that gets too large ones waits for ever.
const MESSAGE_LIMIT = 1_000;
const MEMBER_LIMIT = 2_500;

/** From a problem to a gRPC status. Extra members (`gate`, `live` …) travel as JSON in the metadata of `ErrorInfo`. */
export function failureOf(problem: Problem, requestId: string): Failure {
  const { grpc: code } = PROBLEMS[problem.code];
  const { errors, retryAfter, challenge: _challenge, ...rest } = problem.extra;
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
  return { code, details: cut(problem.message, MESSAGE_LIMIT), metadata };
}

/** Each member as JSON. Of a list that is too long for a trailer, what matters most and how long it is in all. */
function asJson(extra: Record<string, unknown>): Record<string, string> {
  const members = Object.entries(extra).flatMap(([name, value]) => {
    const json = JSON.stringify(value);
    if (json.length <= MEMBER_LIMIT || !Array.isArray(value)) return [[name, json]];
    return [
      [name, JSON.stringify(whatMatters(value))],
      [`${name}Total`, String(value.length)],
    ];
  });
  return Object.fromEntries(members) as Record<string, string>;
}

/** As many as fit; rules that did not pass come first. */
function whatMatters(list: readonly unknown[]): unknown[] {
  const passed = (item: unknown) => Number((item as { verdict?: unknown }).verdict === 'pass');
  let left = MEMBER_LIMIT;
  return [...list]
    .sort((a, b) => passed(a) - passed(b))
    .filter((item) => (left -= JSON.stringify(item).length + 1) > 0);
}

/** The beginning of a text, whole characters only: grpc-js cannot send half of one, and the process would not survive it. */
function cut(text: string, limit: number): string {
  return text.slice(0, limit).replace(/\p{Surrogate}/gu, '');
}
