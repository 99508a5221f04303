import type { FastifyReply, FastifyRequest } from 'fastify';

/** The entity tag of a pointer revision. */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** Whether an `If-None-Match` names this tag: `*`, a list, or weak forms (RFC 9110: compared weakly). */
export function noneMatches(header: string, etag: string): boolean {
  if (header === etag || header.trim() === '*') return true;
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

type Tagged = { readonly etag: string; readonly body: string; readonly position: string | undefined };

/** 200 with the body, or 304 where the client has it already. As text: head and body leave in one piece. */
export function answerWithTag(
  request: FastifyRequest,
  reply: FastifyReply,
  { etag, body, position }: Tagged,
): void {
  const known = request.headers['if-none-match'];
  reply.header('etag', etag);
  if (position !== undefined) reply.header('gatehouse-position', position);
  if (known !== undefined && noneMatches(known, etag)) void reply.code(304).send();
  else void reply.header('content-type', 'application/json; charset=utf-8').send(body);
}
