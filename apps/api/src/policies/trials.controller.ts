import { Operation } from '@gatehouse/platform';
import { parseYaml } from '@gatehouse/policy';
import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiExtraModels, ApiOkResponse, refs } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Exchanging, type Exchange } from '../models/exchange';
import { StillAdmitted } from '../access/still-admitted';
import { leaving, NDJSON } from '../reads/event-stream';
import { TextStreams } from '../reads/text-streams';
import { BacktestCountsDto, CaseResultsDto, RefusedDto } from './resources.dto';
import { draftOfBody, YAML, YamlText } from './policy-body';
import { Trials, type CaseResults } from './trials';

/** Drafts of policies over HTTP, tried out: on cases that somebody wrote, and on the past. */
@Controller('v1/policies')
export class TrialsController {
  constructor(
    private readonly trials: Trials,
    private readonly admitted: StillAdmitted,
    private readonly texts: TextStreams,
  ) {}

  /** Runs the cases of a policy: `{ policy, cases }`, as YAML or JSON. */
  @Post('test')
  @HttpCode(200)
  @Operation('try-policy')
  @RouteConfig({ takes: [YAML] })
  @ApiConsumes('application/json', YAML)
  @ApiBody({ schema: { type: 'object', additionalProperties: true } })
  @ApiOkResponse({ type: CaseResultsDto })
  async testPolicy(
    @Body() body: object,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<CaseResults> {
    const file = body instanceof YamlText ? parseYaml(body.text) : body;
    return this.trials.test(file, exchange, leaving(reply));
  }

  /** Which of the tenant's past promotions a draft would have refused, and why; as NDJSON, with progress. */
  @Post('backtest')
  @HttpCode(200)
  @Operation('try-policy')
  @RouteConfig({ takes: [YAML], offers: [NDJSON], long: true })
  @ApiConsumes('application/json', YAML)
  @ApiBody({ schema: { $ref: '/v1/policy.schema.json' } })
  @ApiExtraModels(RefusedDto, BacktestCountsDto)
  @ApiOkResponse({ content: { [NDJSON]: { schema: { oneOf: refs(RefusedDto, BacktestCountsDto) } } } })
  async backtestPolicy(
    @Body() body: object,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() exchange: Exchange,
  ): Promise<void> {
    const left = leaving(reply);
    const told = await this.trials.backtest(draftOfBody(body), exchange.caller.tenant, left);
    this.admitted.watch(exchange, 'try-policy', undefined, left);
    this.texts.lines(request, reply, told, 1);
  }
}
