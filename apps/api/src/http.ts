import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Logger } from 'pino';
import { parseJson } from '@gatehouse/canonical';
import {
  accessLog,
  InvalidRequest,
  openContext,
  readCertificate,
  type Metrics,
  type RequestContext,
  type Settings,
  type Stopping,
  type WithContext,
} from '@gatehouse/platform';
import { negotiate } from './accept';
import { answerClientError, hangUp, noteAnswered, tooSlow } from './http-errors';
import { OLD_YAML, YAML, YamlText } from './policies/policy-body';
import { Problem } from './problem';
import { sendProblem } from './problem-json';
import type { Routes } from './routes';

/** What our hooks keep on a request. */
type Request = FastifyRequest & WithContext & { pattern: string; deadline?: NodeJS.Timeout };
type Shell = { settings: Settings; metrics: Metrics; stopping: Stopping; routes: Routes; log: Logger };

// A path parameter is at most 1–128 characters; longer ones reach validation, up to here.
const MAX_PARAM_LENGTH = 1_000;
const OUTCOME_NOT_KNOWN = 'The outcome is not known. Send it again with the same Idempotency-Key.';
const JSON_ONLY = ['application/json'];

/** Fastify with our limits. Everything it refuses by itself is answered as a problem, too. */
export function httpAdapter({ bodyLimitKib, requestTimeoutMs, tls }: Settings): FastifyAdapter {
  const server = {
    // How often Node looks for requests that take too long to arrive.
    connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
    // A missing Host is refused by `admitted`, in our words.
    requireHostHeader: false,
    // Node takes the shorter of its two limits for the head, and its default for that is a minute.
    headersTimeout: Math.min(60_000, requestTimeoutMs),
  };
  return new FastifyAdapter({
    bodyLimit: bodyLimitKib * 1024,
    requestTimeout: requestTimeoutMs,
    ...(tls === undefined ? { http: server } : { https: { ...server, ...readCertificate(tls) } }),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    return503OnClosing: false,
    // We have no middleware: without it no request passes its engine.
    skipMiddie: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const context = contextOf(request as Request, reply);
      if (error.statusCode === 400) sendProblem(reply, undecodable('path'), context.requestId);
      else sendProblem(reply, new Problem('not-found', 'There is no such path.'), context.requestId);
    },
  });
}

/** Hooks and body parser. Called before any route is added. */
export function shapeHttp(fastify: FastifyInstance, shell: Shell): void {
  fastify.decorateRequest('gatehouse', null as never);
  fastify.decorateRequest('pattern', 'unmatched');
  fastify.decorateRequest('deadline', undefined);
  // RFC 9110, 10.1.1: an expectation that is not understood may be passed over.
  fastify.server.on('checkExpectation', (request, response) =>
    fastify.server.emit('request', request, response),
  );
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, parseBody(jsonOf));
  fastify.addContentTypeParser([YAML, ...OLD_YAML], { parseAs: 'buffer' }, parseBody(yamlOf));
  fastify.addHook('onRoute', (route) => {
    shell.routes.add(route);
    // First: what a route adds itself may answer already.
    route.onRequest = [entered(route), route.onRequest ?? []].flat();
  });
  fastify.addHook('onRequest', admitted(shell));
  fastify.addHook('onResponse', finished(shell));
}

/** Every request, whether or not its path is known: opens its context, and starts its deadline if it can wait for anything. */
function admitted({ settings, stopping, routes }: Shell) {
  return (raw: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const request = raw as Request;
    contextOf(request, reply);
    if (stopping.begun) {
      reply.header('connection', 'close');
      done(new Problem('stopping', 'The service is stopping: try again.', { retryAfter: 2 }));
      return;
    }
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      const message = 'is missing: HTTP/1.1 asks for it';
      done(new Problem('invalid', 'Send a Host header.', { errors: [{ pointer: '/Host', message }] }));
      return;
    }
    if (request.method === 'OPTIONS') {
      const allow = routes.allowed(request.url);
      if (allow !== undefined) {
        reply.code(204).header('allow', allow).send();
        return;
      }
    }
    // Said before the body is read: what is wrong with it does not matter any more.
    if (request.is404) return done(routes.missing(request, reply));
    if (!isDecodable(request.url)) return done(undecodable('query'));
    const { long = false } = request.routeOptions.config as { long?: boolean };
    if (long) return done();
    if (request.method !== 'GET' || request.headers['gatehouse-at-least'] !== undefined)
      startDeadline(request, reply, settings.requestTimeoutMs);
    done();
  };
}

function undecodable(part: 'path' | 'query'): Problem {
  const errors = [{ pointer: '', message: `the ${part} cannot be decoded` }];
  return new Problem('invalid', `Correct the ${part}.`, { errors });
}

/** Whether all that is percent-encoded in the query is UTF-8: Fastify leaves what is not as it came. */
function isDecodable(url: string): boolean {
  const query = url.indexOf('?');
  if (query < 0 || !url.includes('%', query)) return true;
  try {
    decodeURIComponent(url.slice(query));
    return true;
  } catch {
    return false;
  }
}

function startDeadline(request: Request, reply: FastifyReply, ms: number): void {
  const deadline = new AbortController();
  request.gatehouse.signal = deadline.signal;
  request.deadline = setTimeout(() => {
    const { complete } = request.raw;
    const problem = complete ? new Problem('timeout', OUTCOME_NOT_KNOWN) : tooSlow();
    deadline.abort(problem);
    if (reply.sent) return;
    if (!complete) hangUp(reply);
    sendProblem(reply, problem, request.gatehouse.requestId);
  }, ms).unref();
}

/** A request whose path is known: what it is called in metrics, and whether we can answer what it accepts. */
function entered({ url, config }: RouteOptions) {
  const { offers = defaultOffers(url) }: { offers?: readonly string[] } = config ?? {};
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    (request as Request).pattern = url;
    const { accept } = request.headers;
    if (accept === undefined || offers === undefined || negotiate(accept, offers) !== undefined) done();
    else done(new Problem('not-acceptable', `Accept ${offers.join(' or ')}.`));
  };
}

function defaultOffers(url: string): readonly string[] | undefined {
  return url.startsWith('/v1/') ? JSON_ONLY : undefined;
}

/** Counts and logs. */
function finished({ metrics, log }: Shell) {
  const write = accessLog(log);
  return (raw: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const request = raw as Request;
    if (request.deadline !== undefined) clearTimeout(request.deadline);
    noteAnswered(request.raw);
    const context = contextOf(request, reply);
    const ms = performance.now() - context.startedAt;
    metrics.request('http', request.pattern, reply.statusCode, ms);
    write(context, request.method, request.url, reply.statusCode, ms);
    done();
  };
}

/** The context of a request; made, and echoed, where it is first asked for (a request can fail before the first hook). */
function contextOf(request: Request, reply: FastifyReply): RequestContext {
  // null where it was decorated, undefined where Fastify answers before it looks for a route.
  if (request.gatehouse) return request.gatehouse;
  const context = openContext(request.headers['x-request-id'], request.headers['traceparent']);
  request.gatehouse = context;
  reply.header('x-request-id', context.requestId);
  if (context.traceparent !== undefined) reply.header('traceparent', context.traceparent);
  return context;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseBody(valueOf: (text: string, request: FastifyRequest) => unknown) {
  return (
    request: FastifyRequest,
    body: Buffer,
    done: (error: Error | null, value?: unknown) => void,
  ): void => {
    try {
      refuseEncoded(request);
      done(null, valueOf(textOf(body), request));
    } catch (error) {
      done(error as Error);
    }
  };
}

function refuseEncoded({ headers }: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  const encoding = headers['content-encoding'] ?? 'identity';
  if (charset.toLowerCase() !== 'utf-8' || encoding.toLowerCase() !== 'identity')
    throw new Problem(
      'media-type-unsupported',
      'Send JSON as plain UTF-8, neither compressed nor in another charset.',
    );
}

/** A body is one JSON object in UTF-8. */
function jsonOf(text: string): unknown {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidRequest([{ pointer: '', message: 'must be a JSON object' }]);
  return value;
}

/** YAML is for whom the route says so; what it means is theirs to find out. */
function yamlOf(text: string, { routeOptions: { config } }: FastifyRequest): unknown {
  const { takes = [] } = config as { takes?: readonly string[] };
  if (takes.includes(YAML)) return new YamlText(text);
  throw new Problem('media-type-unsupported', 'Send JSON, with Content-Type: application/json.');
}

function textOf(body: Buffer): string {
  try {
    return UTF_8.decode(body);
  } catch {
    throw new InvalidRequest([{ pointer: '', message: 'must be UTF-8' }]);
  }
}
