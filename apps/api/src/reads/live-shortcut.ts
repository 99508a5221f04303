import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CallerGuard, sentOnce, type WithContext } from '@gatehouse/platform';
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
    const plain = isPlain(request) && this.reads.isCurrent ? this.plainly(request) : undefined;
    if (!plain) return done();
    const { caller, hot } = plain;
    request.gatehouse.caller = caller;
    const body = hot.body.toString();
    answerWithTag(request, reply, { etag: hot.etag, body, position: this.reads.position() });
  };

  /** Undefined: who it is, what they are told, or why not, is for the guard and the controller to say. */
  private plainly({ params: { model }, headers, raw }: Request) {
    try {
      if (!sentOnce(raw.rawHeaders)) return undefined;
      const caller = this.guard.admitNow('read', model, headers.authorization, raw.socket);
      const hot = caller && this.views.live.findSerialized(caller.tenant, model);
      if (!hot) return undefined;
      this.guard.count(caller);
      return { caller, hot };
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
