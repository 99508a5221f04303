import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiParam, ApiQuery } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest, Operation, type Caller, type WithContext } from '@gatehouse/platform';
import { Views } from '@gatehouse/projections';
import { negotiate } from '../accept';
import { Exchanging, type Exchange } from '../models/exchange';
import { ModelPath } from '../models/path.dto';
import { validation } from '../validation';
import { etagOf, noneMatches } from './etag';
import { beating, EVENT_STREAM, leaving, sendText, sse } from './event-stream';
import { LiveQuery, PageQuery } from './reads.dto';
import { Reads } from './reads';
import { ActiveVersionDto, LiveDto, MovePage } from './resources.dto';
import { Streams, type Told } from './streams';

type Request = FastifyRequest<{ Params: { model: string } }> & WithContext;

const OFFERS = ['application/json', EVENT_STREAM];
const REVISION = /^\d{1,9}$/;

/** The live pointer of a model, over HTTP. */
@Controller('v1/models/:model')
export class LiveController {
  constructor(
    private readonly reads: Reads,
    private readonly views: Views,
    private readonly streams: Streams,
  ) {}

  /**
   * What is live. The look-up that production makes: the answer is ready in memory, so this method takes the raw request
   * and does nothing that the plain question does not need (pipes and serialising would cost more than the rest).
   */
  @Get('live')
  @Operation('read')
  @RouteConfig({ offers: OFFERS })
  @ApiParam({ name: 'model', type: String })
  @ApiQuery({
    name: 'at',
    required: false,
    type: String,
    description: 'RFC 3339: as it was at that instant, inclusive.',
  })
  @ApiOkResponse({ type: LiveDto })
  live(@Req() request: Request, @Res() reply: FastifyReply): void | Promise<void> {
    const { headers, params, raw } = request;
    const asked = raw.url!.includes('?') || headers['gatehouse-at-least'] !== undefined;
    if (asked || (headers.accept !== undefined && negotiate(headers.accept, OFFERS) === EVENT_STREAM))
      return this.asked(request, reply);
    const hot = this.views.live.findSerialized(tenantOf(request), params.model);
    if (hot === null) return this.missing(request);
    // As text: head and body leave in one write, where bytes would take two.
    this.answer(request, reply, hot.etag, hot.body.toString());
  }

  /** The moves of the pointer, newest first. */
  @Get('live/history')
  @Operation('read')
  async moves(
    @Param() { model }: ModelPath,
    @Query() page: PageQuery,
    @Exchanging() { caller, header }: Exchange,
  ): Promise<MovePage> {
    await this.reads.atLeast(header('gatehouse-at-least'));
    return this.reads.moves(caller.tenant, model, page);
  }

  /** What deployments read: the digests that are live, were live, and would be after a rollback. */
  @Get('active_version.json')
  @ApiOkResponse({ type: ActiveVersionDto })
  @Operation('read')
  async activeVersion(
    @Param() { model }: ModelPath,
    @Req() request: Request,
    @Res() reply: FastifyReply,
    @Exchanging() { caller, header }: Exchange,
  ): Promise<void> {
    await this.reads.atLeast(header('gatehouse-at-least'));
    const active = this.reads.known(this.views.live.activeVersion(caller.tenant, model), model);
    this.answer(request, reply, etagOf(active.revision), JSON.stringify(active));
  }

  /** Everything but the plain question: at an instant, at least at a position, or on and on. */
  private async asked(request: Request, reply: FastifyReply): Promise<void> {
    const { headers, params } = request;
    const { model } = (await validation.transform(params, {
      type: 'param',
      metatype: ModelPath,
    })) as ModelPath;
    const { at } = (await validation.transform(request.query, {
      type: 'query',
      metatype: LiveQuery,
    })) as LiveQuery;
    await this.reads.atLeast(headers['gatehouse-at-least']?.toString());
    if (negotiate(headers.accept, OFFERS) === EVENT_STREAM) return this.watch(request, reply, model, at);
    const live = this.reads.live(tenantOf(request), model, at);
    this.answer(request, reply, etagOf(live.revision), JSON.stringify(live));
  }

  private watch(request: Request, reply: FastifyReply, model: string, at: string | undefined): void {
    const last = request.headers['last-event-id']?.toString();
    if (at !== undefined) throw new InvalidRequest([{ pointer: '/at', message: 'cannot be watched' }]);
    if (last !== undefined && !REVISION.test(last))
      throw new InvalidRequest([{ pointer: '/Last-Event-ID', message: 'must be a revision of the pointer' }]);
    const tenant = tenantOf(request);
    this.reads.live(tenant, model);
    const left = leaving(reply);
    const told = this.streams.watch(tenant, model, last === undefined ? undefined : Number(last), left);
    sendText(request, reply, EVENT_STREAM, beating(pointers(told), left));
  }

  private answer(request: FastifyRequest, reply: FastifyReply, etag: string, body: string): void {
    const known = request.headers['if-none-match'];
    const position = this.reads.position();
    reply.header('etag', etag);
    if (position !== undefined) reply.header('gatehouse-position', position);
    if (known !== undefined && noneMatches(known, etag)) void reply.code(304).send();
    else void reply.header('content-type', 'application/json; charset=utf-8').send(body);
  }

  /** Not there: because it cannot be, or because nobody registered it. */
  private async missing({ params }: Request): Promise<never> {
    await validation.transform(params, { type: 'param', metatype: ModelPath });
    return this.reads.known<never>(null, params.model);
  }
}

function tenantOf({ gatehouse }: WithContext): string {
  return (gatehouse.caller as Caller).tenant;
}

async function* pointers(told: AsyncIterable<Told>): AsyncGenerator<string, void> {
  for await (const { live } of told) if (live !== undefined) yield sse(live.revision, live);
}
