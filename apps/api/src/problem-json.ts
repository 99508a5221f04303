import type { FastifyReply } from 'fastify';
import { PROBLEMS, type Problem } from './problem';

export const PROBLEM_JSON = 'application/problem+json';

/** The body of RFC 9457. `internal` says nothing beyond the request id. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const { retryAfter: _retryAfter, challenge: _challenge, ...extra } = problem.extra;
  const { status, title } = PROBLEMS[problem.code];
  const detail = problem.message;
  return {
    type: `urn:gatehouse:${problem.code}`,
    title,
    status,
    detail,
    instance: requestId,
    code: problem.code,
    ...extra,
  };
}

/** Answers with a problem, and `Retry-After` or `WWW-Authenticate` where it names one. */
export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  if (problem.extra.retryAfter !== undefined) reply.header('retry-after', String(problem.extra.retryAfter));
  if (problem.extra.challenge !== undefined) reply.header('www-authenticate', problem.extra.challenge);
  // Bytes: to a text Fastify would add a charset, which this media type does not have.
  const body = Buffer.from(JSON.stringify(problemBody(problem, requestId)));
  reply
    .code(PROBLEMS[problem.code].status)
    .removeHeader('content-length')
    .header('content-type', PROBLEM_JSON)
    .send(body);
}
