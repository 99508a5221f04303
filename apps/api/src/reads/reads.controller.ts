import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE, Operation } from '@gatehouse/platform';
import { Exchanging, type Exchange } from '../models/exchange';
import { ModelPath } from '../models/path.dto';
import { ListModelsQuery, ListVersionsQuery, PageQuery, VersionRefPath } from './reads.dto';
import { Reads } from './reads';
import { EventPage, LogDto, ModelPage, VersionDto, VersionPage } from './resources.dto';

/** Models, versions and history, over HTTP. */
@Controller('v1')
export class ReadsController {
  constructor(
    private readonly reads: Reads,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** The models of the tenant, by name. */
  @Get('models')
  @Operation('list')
  async models(@Query() query: ListModelsQuery, @Exchanging() exchange: Exchange): Promise<ModelPage> {
    await this.reads.upToDate(exchange);
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
    await this.reads.upToDate(exchange);
    return this.reads.versions(exchange.caller.tenant, model, query);
  }

  /** One version, by number or digest. */
  @Get('models/:model/versions/:ref')
  @Operation('read')
  async version(
    @Param() { model, ref }: VersionRefPath,
    @Exchanging() exchange: Exchange,
  ): Promise<VersionDto> {
    await this.reads.upToDate(exchange);
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
    await this.reads.upToDate(exchange);
    return this.reads.history(exchange.caller.tenant, model, page);
  }

  /** Which log this is, and how far it goes. */
  @Get('log')
  @Operation('list')
  async log(): Promise<LogDto> {
    const { logId, head } = await this.store.log();
    return { logId, position: String(head) };
  }
}
