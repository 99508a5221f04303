import { EVENT_STORE, InvalidRequest, Operation, Stopping } from '@gatehouse/platform';
import type { EventStore } from '@gatehouse/eventsourcing';
import {
  checkCases,
  draftOf,
  parseYaml,
  policyOf,
  runCase,
  type CaseResult,
  type Draft,
} from '@gatehouse/policy';
import { Views } from '@gatehouse/projections';
import { Body, Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Exchanging, type Exchange } from '../models/exchange';
import { leaving, lines, NDJSON, sendText } from '../reads/event-stream';
import { backtest } from './backtest';
import { CaseResultsDto } from './resources.dto';
import { draftOfBody, YAML, YamlText } from './policy-body';

const PAGE = 500;

/** Drafts of policies, tried out: on cases that somebody wrote, and on the past. Nothing is recorded. */
@Controller('v1/policies')
export class TrialsController {
  constructor(
    private readonly views: Views,
    private readonly stopping: Stopping,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Runs the cases of a policy: `{ policy, cases }`, as YAML or JSON. */
  @Post('test')
  @HttpCode(200)
  @Operation('read')
  @RouteConfig({ takes: [YAML] })
  @ApiConsumes('application/json', YAML)
  @ApiBody({ schema: { type: 'object', additionalProperties: true } })
  @ApiOkResponse({ type: CaseResultsDto })
  testPolicy(@Body() body: object): { passed: number; failed: number; items: CaseResult[] } {
    const { policy, cases } = checkCases(body instanceof YamlText ? parseYaml(body.text) : body);
    if (typeof policy !== 'object')
      throw new InvalidRequest([{ pointer: '/policy', message: 'must be the document of a policy' }]);
    const draft = inForce(draftOf(policy));
    const items = cases.map((one) => runCase(draft, one));
    const passed = items.filter((item) => item.passed).length;
    return { passed, failed: items.length - passed, items };
  }

  /** Which of the tenant's past promotions a draft would have refused, and why; as NDJSON, with progress. */
  @Post('backtest')
  @HttpCode(200)
  @Operation('read')
  @RouteConfig({ takes: [YAML], offers: [NDJSON], long: true })
  @ApiConsumes('application/json', YAML)
  @ApiBody({ schema: { $ref: '/v1/policy.schema.json' } })
  @ApiOkResponse({ content: { [NDJSON]: {} } })
  backtestPolicy(
    @Body() body: object,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Exchanging() { caller: { tenant } }: Exchange,
  ): void {
    const policy = inForce(draftOfBody(body));
    const signal = this.stopping.alsoEnds(leaving(reply));
    const models = this.modelsOf(tenant);
    sendText(
      request,
      reply,
      NDJSON,
      lines(backtest({ store: this.store, tenant, models, policy, signal }), 1),
    );
  }

  private async *modelsOf(tenant: string): AsyncGenerator<string, void> {
    for (let after: string | undefined; ;) {
      const { items, next } = await this.views.models.list(tenant, { after, limit: PAGE });
      yield* items.map(({ model }) => model);
      if (next === null) return;
      after = next;
    }
  }
}

function inForce({ document, digest }: Draft) {
  return policyOf({ name: document.policy, version: 0, digest }, document);
}
