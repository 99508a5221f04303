import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE, InvalidRequest, Operation } from '@gatehouse/platform';
import type { PublicEvent } from '@gatehouse/projections';
import { negotiate } from '../accept';
import { StillAdmitted } from '../access/still-admitted';
import { Exchanging, type Exchange } from '../models/exchange';
import { ModelPath } from '../models/path.dto';
import { beating, EVENT_STREAM, leaving, lines, NDJSON, sendText, sse } from './event-stream';
import { EventsQuery, ListModelsQuery, ListVersionsQuery, PageQuery, VersionRefPath } from './reads.dto';
import { Reads } from './reads';
import { EventDto, EventPage, LogDto, ModelPage, VersionDto, VersionPage } from './resources.dto';
import { Streams } from './streams';

const EVENT_OFFERS = [NDJSON, EVENT_STREAM];
const POSITION = /^\d{1,18}$/;

/** Models, versions, history and events, over HTTP. */
@Controller('v1')
export class ReadsController {
  constructor(
    private readonly reads: Reads,
    private readonly streams: Streams,
    private readonly admitted: StillAdmitted,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** The models of the tenant, by name. */
  @Get('models')
  @Operation('list')
  async models(@Query() query: ListModelsQuery, @Exchanging() exchange: Exchange): Promise<ModelPage> {
    await this.upToDate(exchange);
    return this.reads.models(exchange.caller, query);
  }

  /** The versions of a model, newest first. */
  @Get('models/:model/versions')
  @Operation('read')
  async versions(
    @Param() { model }: ModelPath,
    @Query() query: ListVersionsQuery,
    @Exchanging() exchange: Exchange,
  ): Promise<VersionPage> {
    await this.upToDate(exchange);
    return this.reads.versions(exchange.caller.tenant, model, query);
  }

  /** One version, by number or digest. */
  @Get('models/:model/versions/:ref')
  @Operation('read')
  async version(
    @Param() { model, ref }: VersionRefPath,
    @Exchanging() exchange: Exchange,
  ): Promise<VersionDto> {
    await this.upToDate(exchange);
    return this.reads.version(exchange.caller.tenant, model, ref);
  }

  /** The events of a model, oldest first. */
  @Get('models/:model/history')
  @Operation('read')
  async history(
    @Param() { model }: ModelPath,
    @Query() page: PageQuery,
    @Exchanging() exchange: Exchange,
  ): Promise<EventPage> {
    await this.upToDate(exchange);
    return this.reads.history(exchange.caller.tenant, model, page);
  }

  /** The tenant's events in the order of the log: to its end, or as an event stream on and on. */
  @Get('events')
  @Operation('list')
  @RouteConfig({ offers: EVENT_OFFERS })
  @ApiExtraModels(EventDto)
  @ApiOkResponse({ content: { [NDJSON]: { schema: { $ref: getSchemaPath(EventDto) } }, [EVENT_STREAM]: {} } })
  async events(
    @Query() query: EventsQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    await this.upToDate(exchange);
    const { caller } = exchange;
    const left = leaving(reply);
    this.admitted.watch(exchange, 'list', undefined, left);
    if (negotiate(request.headers.accept, EVENT_OFFERS) === EVENT_STREAM) {
      const after = lastEventId(exchange) ?? query.after;
      const events = this.streams.replay(caller, { ...query, after }, true, left);
      return sendText(request, reply, EVENT_STREAM, beating(messages(events), left));
    }
    sendText(request, reply, NDJSON, lines(this.streams.replay(caller, query, false, left)));
  }

  /** Which log this is, and how far it goes. */
  @Get('log')
  @Operation('list')
  async log(): Promise<LogDto> {
    const { logId, head } = await this.store.log();
    return { logId, position: String(head) };
  }

  /** Waits for `Gatehouse-At-Least`, and says how far the views are. */
  private async upToDate({ header, set }: Exchange): Promise<void> {
    await this.reads.atLeast(header('gatehouse-at-least'));
    const position = this.reads.position();
    if (position !== undefined) set('gatehouse-position', position);
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
