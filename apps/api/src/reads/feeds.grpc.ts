import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import type { Event } from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import type { PublicEvent } from '@gatehouse/projections';
import { StillAdmitted } from '../access/still-admitted';
import { eventMessage } from '../messages';
import { Exchanging, type Exchange } from '../models/exchange';
import { Leaving } from './leaving';
import { ReplayDto, ReplayEventsDto } from './reads.dto';
import { Reads } from './reads';
import { Streams, type Replayable } from './streams';

/** The log of a tenant, over gRPC: the same events. */
@Controller()
export class FeedsGrpc {
  constructor(
    private readonly reads: Reads,
    private readonly streams: Streams,
    private readonly admitted: StillAdmitted,
  ) {}

  @GrpcMethod('Registry', 'ReplayEvents')
  @Operation('list')
  async replayEvents(
    @Payload() query: ReplayEventsDto,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<AsyncIterable<Event>> {
    return this.replay('list', query, exchange, left);
  }

  @GrpcMethod('Access', 'ReplayAccess')
  @Operation('read-access')
  async replayAccess(
    @Payload() query: ReplayDto,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<AsyncIterable<Event>> {
    return this.replay('read-access', query, exchange, left);
  }

  @GrpcMethod('Policies', 'ReplayPolicies')
  @Operation('read-policies')
  async replayPolicies(
    @Payload() query: ReplayDto,
    @Exchanging() exchange: Exchange,
    @Leaving() left: AbortController,
  ): Promise<AsyncIterable<Event>> {
    return this.replay('read-policies', query, exchange, left);
  }

  private async replay(
    right: Replayable,
    { follow = false, ...query }: ReplayEventsDto,
    exchange: Exchange,
    left: AbortController,
  ): Promise<AsyncIterable<Event>> {
    await this.reads.upToDate(exchange);
    this.admitted.watch(exchange, right, undefined, left);
    return recorded(this.streams.replay(right, exchange.caller, query, follow, left));
  }
}

async function* recorded(events: AsyncIterable<PublicEvent>): AsyncGenerator<Event, void> {
  for await (const event of events) yield eventMessage(event);
}
