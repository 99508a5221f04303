import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import type {
  HistoryResponse,
  ListBreakGlassResponse,
  ListModelsResponse,
  ListVersionsResponse,
  Live,
  Version,
  WatchLiveResponse,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { StillAdmitted } from '../access/still-admitted';
import { eventMessage, liveMessage } from '../messages';
import { Exchanging, type Exchange } from '../models/exchange';
import { Leaving } from './leaving';
import { modelMessage, unreviewedMessage, versionMessage } from './messages';
import {
  GetHistoryDto,
  GetLiveDto,
  ListModelsQuery,
  ListVersionsDto,
  VersionRefPath,
  WatchLiveDto,
} from './reads.dto';
import { Reads } from './reads';
import { Streams, type Told } from './streams';

/** The reads over gRPC: the same DTO classes, the same answers. */
@Controller()
export class ReadsGrpc {
  constructor(
    private readonly reads: Reads,
    private readonly streams: Streams,
    private readonly admitted: StillAdmitted,
  ) {}

  @GrpcMethod('Registry', 'GetLive')
  @Operation('read')
  async getLive(@Payload() { model, at }: GetLiveDto, @Exchanging() exchange: Exchange): Promise<Live> {
    await this.reads.upToDate(exchange);
    const live = this.reads.live(exchange.caller.tenant, model, at);
    exchange.set('etag', `"${live.revision}"`);
    return liveMessage(live);
  }

  @GrpcMethod('Registry', 'GetVersion')
  @Operation('read')
  async getVersion(
    @Payload() { model, ref }: VersionRefPath,
    @Exchanging() exchange: Exchange,
  ): Promise<Version> {
    await this.reads.upToDate(exchange);
    return versionMessage(this.reads.version(exchange.caller.tenant, model, ref));
  }

  @GrpcMethod('Registry', 'ListModels')
  @Operation('list')
  async listModels(
    @Payload() query: ListModelsQuery,
    @Exchanging() exchange: Exchange,
  ): Promise<ListModelsResponse> {
    await this.reads.upToDate(exchange);
    const { items, next } = await this.reads.models(exchange.caller, query);
    return { items: items.map(modelMessage), next: next ?? undefined };
  }

  @GrpcMethod('Registry', 'ListVersions')
  @Operation('read')
  async listVersions(
    @Payload() { model, ...query }: ListVersionsDto,
    @Exchanging() exchange: Exchange,
  ): Promise<ListVersionsResponse> {
    await this.reads.upToDate(exchange);
    const { items, next } = await this.reads.versions(exchange.caller.tenant, model, query);
    return { items: items.map(versionMessage), next: next ?? undefined };
  }

  @GrpcMethod('Registry', 'GetHistory')
  @Operation('read')
  async getHistory(
    @Payload() { model, ...page }: GetHistoryDto,
    @Exchanging() exchange: Exchange,
  ): Promise<HistoryResponse> {
    await this.reads.upToDate(exchange);
    const { items, next } = await this.reads.history(exchange.caller.tenant, model, page);
    return { items: items.map(eventMessage), next: next ?? undefined };
  }

  @GrpcMethod('Registry', 'ListBreakGlass')
  @Operation('list')
  async listBreakGlass(@Exchanging() exchange: Exchange): Promise<ListBreakGlassResponse> {
    await this.reads.upToDate(exchange);
    return { items: this.reads.unreviewed(exchange.caller).map(unreviewedMessage) };
  }

  @GrpcMethod('Registry', 'WatchLive')
  @Operation('read')
  async watchLive(
    @Payload() { model, afterRevision }: WatchLiveDto,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<AsyncIterable<WatchLiveResponse>> {
    await this.reads.upToDate(exchange);
    const { tenant } = exchange.caller;
    this.reads.live(tenant, model);
    this.admitted.watch(exchange, 'read', model, left);
    return told(this.streams.watch(tenant, model, afterRevision, left));
  }
}

async function* told(messages: AsyncIterable<Told>): AsyncGenerator<WatchLiveResponse, void> {
  for await (const { logId, live } of messages) yield { logId, live: live && liveMessage(live) };
}
