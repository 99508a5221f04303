import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest, Operation } from '@gatehouse/platform';
import { negotiate } from '../accept';
import { StillAdmitted } from '../access/still-admitted';
import { Exchanging, type Exchange } from '../models/exchange';
import { ModelPath } from '../models/path.dto';
import { answerWithTag, etagOf } from './etag';
import { EVENT_STREAM, leaving, sse } from './event-stream';
import { LiveQuery, PageQuery } from './reads.dto';
import { Reads } from './reads';
import { ActiveVersionDto, LiveDto, MovePage } from './resources.dto';
import { Streams, type Told } from './streams';
import { TextStreams } from './text-streams';

const JSON_TYPE = 'application/json';
const OFFERS = [JSON_TYPE, EVENT_STREAM];
const REVISION = /^\d{1,9}$/;

/** The live pointer of a model, over HTTP. */
@Controller('v1/models/:model')
export class LiveController {
  constructor(
    private readonly reads: Reads,
    private readonly streams: Streams,
    private readonly admitted: StillAdmitted,
    private readonly texts: TextStreams,
  ) {}

  /** What is live: now, at an instant, or on and on. The plain question is answered by `LiveShortcut`, before it gets here. */
  @Get('live')
  @Operation('read')
  @RouteConfig({ offers: OFFERS })
  @ApiExtraModels(LiveDto)
  @ApiOkResponse({
    content: { [JSON_TYPE]: { schema: { $ref: getSchemaPath(LiveDto) } }, [EVENT_STREAM]: {} },
  })
  async live(
    @Param() { model }: ModelPath,
    @Query() { at }: LiveQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    const { caller, header } = exchange;
    await this.reads.atLeast(header('gatehouse-at-least'));
    if (negotiate(request.headers.accept, OFFERS) === EVENT_STREAM) {
      if (at !== undefined) throw new InvalidRequest([{ pointer: '/at', message: 'cannot be watched' }]);
      return this.watch(request, reply, exchange, model);
    }
    const live = this.reads.live(caller.tenant, model, at);
    answerWithTag(request, reply, {
      etag: etagOf(live.revision),
      body: JSON.stringify(live),
      position: this.reads.position(),
    });
  }

  /** The moves of the pointer, newest first. */
  @Get('live/history')
  @Operation('read')
  async moves(
    @Param() { model }: ModelPath,
    @Query() page: PageQuery,
    @Exchanging() exchange: Exchange,
  ): Promise<MovePage> {
    await this.reads.upToDate(exchange);
    return this.reads.moves(exchange.caller.tenant, model, page);
  }

  /** What deployments read: the digests that are live, were live, and would be after a rollback. */
  @Get('active_version.json')
  @ApiOkResponse({ type: ActiveVersionDto })
  @Operation('read')
  async activeVersion(
    @Param() { model }: ModelPath,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() { caller, header }: Exchange,
  ): Promise<void> {
    await this.reads.atLeast(header('gatehouse-at-least'));
    const active = this.reads.activeVersion(caller.tenant, model);
    answerWithTag(request, reply, {
      etag: etagOf(active.revision),
      body: JSON.stringify(active),
      position: this.reads.position(),
    });
  }

  private watch(request: FastifyRequest, reply: FastifyReply, exchange: Exchange, model: string): void {
    const { tenant } = exchange.caller;
    const last = request.headers['last-event-id']?.toString();
    if (last !== undefined && !REVISION.test(last))
      throw new InvalidRequest([{ pointer: '/Last-Event-ID', message: 'must be a revision of the pointer' }]);
    this.reads.live(tenant, model);
    const left = leaving(reply);
    this.admitted.watch(exchange, 'read', model, left);
    const told = this.streams.watch(tenant, model, last === undefined ? undefined : Number(last), left);
    this.texts.events(request, reply, pointers(told), left);
  }
}

async function* pointers(told: AsyncIterable<Told>): AsyncGenerator<string, void> {
  for await (const { logId, live } of told) {
    // The first message says which log this is, also where no pointer is due: revisions of another log mean nothing here.
    if (live !== undefined) yield sse(live.revision, { ...live, logId });
    else yield `event: log\ndata: ${JSON.stringify({ logId })}\n\n`;
  }
}
