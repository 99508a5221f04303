import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiServiceUnavailableResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Operation } from './access/caller';
import { Health } from './health';
import { Metrics } from './metrics';
import { AliveDto, ReadinessDto } from './readiness.dto';

/** For the machines that watch the process. */
@Controller()
export class SystemController {
  constructor(
    private readonly health: Health,
    private readonly metrics: Metrics,
  ) {}

  /** Alive: the process answers at all. */
  @Get('healthz')
  @Operation('public')
  @HttpCode(200)
  @ApiOkResponse({ type: AliveDto })
  alive(): AliveDto {
    return { status: 'ok' };
  }

  /** Ready: views up to date, store working. 503 with the reasons otherwise. */
  @Get('readyz')
  @Operation('public')
  @ApiOkResponse({ type: ReadinessDto, description: 'Ready.' })
  @ApiServiceUnavailableResponse({ type: ReadinessDto, description: 'Not ready: `because` says why.' })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = await this.health.readiness();
    reply.code(readiness.ready ? 200 : 503).send(readiness);
  }

  /** Prometheus. */
  @Get('metrics')
  @Operation('public')
  @ApiExcludeEndpoint()
  async scrape(@Res() reply: FastifyReply): Promise<void> {
    const text = await this.metrics.registry.metrics();
    reply.header('content-type', this.metrics.registry.contentType).send(text);
  }
}
