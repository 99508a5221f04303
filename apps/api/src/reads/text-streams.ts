import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { WithContext } from '@gatehouse/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../problem';
import { ProblemFilter } from '../problem.filter';
import { problemBody } from '../problem-json';
import { beating, EVENT_STREAM, lines, NDJSON, sendText } from './event-stream';

/** Streams of text over HTTP. What breaks off never ends like what is complete, and is counted and logged like any refusal. */
@Injectable()
export class TextStreams {
  constructor(private readonly modules: ModuleRef) {}

  /** Items as lines of JSON, as many to a chunk as `size` characters take. Where they break off, the connection does. */
  lines(request: FastifyRequest, reply: FastifyReply, items: AsyncIterable<unknown>, size?: number): void {
    sendText(request, reply, NDJSON, this.orBreak(lines(items, size), request));
  }

  /** The messages of an event stream. Where they break off, the last one is `event: problem`, with what is the matter. */
  events(
    request: FastifyRequest,
    reply: FastifyReply,
    messages: AsyncIterable<string>,
    left: AbortController,
  ): void {
    sendText(request, reply, EVENT_STREAM, this.orSay(beating(messages, left), request));
  }

  private async *orBreak(text: AsyncIterable<string>, request: FastifyRequest): AsyncGenerator<string, void> {
    let begun = false;
    try {
      for await (const chunk of text) {
        begun = true;
        yield chunk;
      }
    } catch (error) {
      // Before its first byte it is an answer like any other: the filter counts it and makes a problem of it.
      if (begun) this.counted(error, request);
      throw error;
    }
  }

  private async *orSay(text: AsyncIterable<string>, request: FastifyRequest): AsyncGenerator<string, void> {
    try {
      yield* text;
    } catch (error) {
      const body = problemBody(this.counted(error, request), contextOf(request).requestId);
      yield `event: problem\ndata: ${JSON.stringify(body)}\n\n`;
    }
  }

  private counted(error: unknown, request: FastifyRequest): Problem {
    return this.modules.get(ProblemFilter, { strict: false }).counted(error, contextOf(request));
  }
}

function contextOf(request: FastifyRequest) {
  return (request as FastifyRequest & WithContext).gatehouse;
}
