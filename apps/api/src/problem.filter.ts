import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { throwError, type Observable } from 'rxjs';
import { ProviderUnreachable } from '@gatehouse/identity';
import { Metrics, type RequestContext, type WithContext } from '@gatehouse/platform';
import { failureOf } from './grpc-failure';
import { problemOf, PROBLEMS, type Problem } from './problem';
import { sendProblem } from './problem-json';
import { Routes } from './routes';

/** The one place where errors become answers, on both doors. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  constructor(
    private readonly metrics: Metrics,
    private readonly routes: Routes,
  ) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | void {
    if (host.getType() === 'http')
      return this.answerHttp(error, host.getArgByIndex(0), host.getArgByIndex(1));
    const call = host.getArgByIndex<WithContext>(2);
    const failure = failureOf(this.counted(error, call.gatehouse), call.gatehouse.requestId);
    return throwError(() => failure);
  }

  /** The problem that an error is, counted, and logged with its stack if it is our fault. */
  counted(error: unknown, context: RequestContext): Problem {
    const problem = problemOf(error);
    this.metrics.refusals.inc({ code: problem.code });
    if (PROBLEMS[problem.code].status === 403) this.denied(problem, context);
    if (error instanceof ProviderUnreachable)
      this.logger.warn({ id: context.requestId, err: error.cause, msg: error.message });
    if (problem.code === 'internal')
      this.logger.error({ id: context.requestId, err: error, msg: 'a request failed' });
    return problem;
  }

  /** Somebody lacks a right: told with who and what, never with the credential. */
  private denied({ code }: Problem, { requestId: id, caller, operation = 'unknown' }: RequestContext): void {
    this.metrics.denials.inc({ operation, code });
    const who = caller && {
      tenant: caller.tenant,
      actor: caller.actor.id,
      credential: caller.auth.credential,
    };
    this.logger.warn({ id, ...who, operation, code, msg: 'a right is missing' });
  }

  private answerHttp(error: unknown, request: FastifyRequest & WithContext, reply: FastifyReply): void {
    const status = statusOf(error);
    const known =
      status === undefined ? error : this.routes.problemOf(status, error as Error, request, reply);
    const problem = this.counted(known, request.gatehouse);
    // The answer is on its way (a stream that broke, or the deadline was first): nothing can be added to it.
    if (reply.sent || reply.raw.headersSent) return;
    sendProblem(reply, problem, request.gatehouse.requestId);
  }
}

/** Of an error with which Nest, Fastify or a plugin refuses a request; undefined for any other. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}
