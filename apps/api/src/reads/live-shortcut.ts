import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CallerGuard, type Caller, type WithContext } from '@gatehouse/platform';
import { Views } from '@gatehouse/projections';
import { answerWithTag } from './etag';
import { Reads } from './reads';

type Request = FastifyRequest<{ Params: { model: string } }> & WithContext;

const ROUTE = '/v1/models/:model/live';

/**
 * The look-up that production makes, many times a second: a plain `GET …/live` of a model that there is, whose answer lies
 * ready in memory. It is given before Nest's chain of guard, pipe and handler begins, which costs more than the look-up
 * (docs/adr/010-live-shortcut.md). Whatever is not plain, or wrong, goes on to `LiveController`, which answers the same.
 */
@Injectable()
export class LiveShortcut {
  constructor(
    host: HttpAdapterHost,
    private readonly guard: CallerGuard,
    private readonly views: Views,
    private readonly reads: Reads,
  ) {
    host.httpAdapter.getInstance<FastifyInstance>().addHook('onRoute', (route) => {
      if (route.url !== ROUTE || route.method !== 'GET') return;
      route.onRequest = [route.onRequest ?? [], this.answer].flat();
    });
  }

  private readonly answer = (raw: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const request = raw as Request;
    const caller = isPlain(request) && this.reads.isCurrent ? this.callerOf(request) : undefined;
    const hot = caller && this.views.live.findSerialized(caller.tenant, request.params.model);
    if (!hot) return done();
    request.gatehouse.caller = caller;
    const body = hot.body.toString();
    answerWithTag(request, reply, { etag: hot.etag, body, position: this.reads.position() });
  };

  /** Undefined: who it is, or why not, is for the guard to say. */
  private callerOf({ params, headers }: Request): Caller | undefined {
    try {
      return this.guard.admitNow('read', params.model, headers.authorization);
    } catch {
      return undefined;
    }
  }
}

function isPlain({
  raw: { url, method },
  headers: { accept, 'gatehouse-at-least': atLeast },
}: Request): boolean {
  if (method !== 'GET' || url!.includes('?') || atLeast !== undefined) return false;
  return accept === undefined || accept === '*/*' || accept === 'application/json';
}
