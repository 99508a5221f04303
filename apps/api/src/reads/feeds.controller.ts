import { applyDecorators, Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest, Operation } from '@gatehouse/platform';
import type { PublicEvent } from '@gatehouse/projections';
import { negotiate } from '../accept';
import { StillAdmitted } from '../access/still-admitted';
import { Exchanging, type Exchange } from '../models/exchange';
import { EVENT_STREAM, leaving, NDJSON, sse } from './event-stream';
import { EventsQuery, FeedQuery } from './reads.dto';
import { Reads } from './reads';
import { EventDto } from './resources.dto';
import { Streams, type Replayable } from './streams';
import { TextStreams } from './text-streams';

const OFFERS = [NDJSON, EVENT_STREAM];
const POSITION = /^\d{1,18}$/;

const AnswersEvents = () =>
  applyDecorators(
    RouteConfig({ offers: OFFERS }),
    ApiExtraModels(EventDto),
    ApiOkResponse({
      content: { [NDJSON]: { schema: { $ref: getSchemaPath(EventDto) } }, [EVENT_STREAM]: {} },
    }),
  );

/** The log of a tenant, over HTTP: what auditors and copies are made from. */
@Controller('v1')
export class FeedsController {
  constructor(
    private readonly reads: Reads,
    private readonly streams: Streams,
    private readonly admitted: StillAdmitted,
    private readonly texts: TextStreams,
  ) {}

  /** The events of the tenant's models in the order of the log: to its end, or as an event stream on and on. */
  @Get('events')
  @Operation('list')
  @AnswersEvents()
  async events(
    @Query() query: EventsQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    return this.replay('list', query, request, reply, exchange);
  }

  /** Who was given which right, when and by whom, and who took it back: events in the order of the log, like those of models. */
  @Get('access/events')
  @Operation('read-access')
  @AnswersEvents()
  async accessEvents(
    @Query() query: FeedQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    return this.replay('read-access', query, request, reply, exchange);
  }

  /** Which policies were published and put in force, when and by whom: events in the order of the log, like those of models. */
  @Get('policy-events')
  @Operation('read-policies')
  @AnswersEvents()
  async policyEvents(
    @Query() query: FeedQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    return this.replay('read-policies', query, request, reply, exchange);
  }

  private async replay(
    right: Replayable,
    query: EventsQuery,
    request: FastifyRequest,
    reply: FastifyReply,
    exchange: Exchange,
  ): Promise<void> {
    await this.reads.upToDate(exchange);
    const { caller } = exchange;
    const left = leaving(reply);
    this.admitted.watch(exchange, right, undefined, left);
    if (negotiate(request.headers.accept, OFFERS) === EVENT_STREAM) {
      const after = lastEventId(exchange) ?? query.after;
      const events = this.streams.replay(right, caller, { ...query, after }, true, left);
      return this.texts.events(request, reply, messages(events), left);
    }
    this.texts.lines(request, reply, this.streams.replay(right, caller, query, false, left));
  }
}

function lastEventId({ header }: Exchange): string | undefined {
  const last = header('last-event-id');
  if (last !== undefined && !POSITION.test(last))
    throw new InvalidRequest([{ pointer: '/Last-Event-ID', message: 'must be a position' }]);
  return last;
}

async function* messages(events: AsyncIterable<PublicEvent>): AsyncGenerator<string, void> {
  for await (const event of events) yield sse(event.position, event);
}
