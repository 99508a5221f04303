import type { FastifyReply } from 'fastify';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { PROBLEMS, Problem } from './problem';
import { PROBLEM_JSON, problemBody } from './problem-json';

/** The last request of a connection that was answered before all of it had arrived. */
const answeredEarly = new WeakMap<Socket, IncomingMessage>();

/** Keeps in mind that a request was answered, in case the rest of it never comes. */
export function noteAnswered(request: IncomingMessage): void {
  if (!request.complete) answeredEarly.set(request.socket, request);
}

/** Closes the connection with the answer that is about to be sent: the rest of the request is not read, nor what follows it. */
export function hangUp(reply: FastifyReply): void {
  reply.header('connection', 'close');
  reply.raw.once('finish', () => reply.request.raw.socket.destroy());
}

/** What is answered to a request that was still arriving when its time was up. */
export function tooSlow(): Problem {
  const detail = 'Nothing was recorded: the request did not arrive in time. Send the whole of it faster.';
  return new Problem('timeout', detail);
}

/** Answers bytes that are not a request (there is no request object to answer on), then hangs up. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const wasAnswered = answeredEarly.get(socket)?.complete === false;
  if (error.code === 'ECONNRESET' || !socket.writable || wasAnswered) {
    socket.destroy();
    return;
  }
  const problem = meaningOf(error);
  const requestId = randomUUID();
  const body = JSON.stringify(problemBody(problem, requestId));
  const { status } = PROBLEMS[problem.code];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${PROBLEM_JSON}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  const answer = `${head.join('\r\n')}\r\n\r\n${body}`;
  if (problem.code !== 'timeout') return void socket.end(answer);
  // The parser of a request that was too slow would read on, and what arrives late would be done after all.
  socket.write(answer, () => socket.destroy());
  if (socket.writableLength > 0) socket.destroy();
}

function meaningOf(error: NodeJS.ErrnoException): Problem {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new Problem('headers-too-large', 'Send less than 16 KiB of headers.');
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooSlow();
  const message = 'is not a well-formed HTTP/1.1 request';
  return new Problem('invalid', `The request cannot be read: it ${message}.`, {
    errors: [{ pointer: '', message }],
  });
}
