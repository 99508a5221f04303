import { Operation } from '@gatehouse/platform';
import { POLICY_SCHEMA, type Change } from '@gatehouse/policy';
import { ApiBody, ApiConsumes, ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Exchanging, type Exchange } from '../models/exchange';
import type { PolicyAnswer, PolicyResource } from './on-policies';
import { DiffQuery, PolicyPath, PolicyVersionPath } from './policies.dto';
import { draftOfBody, YAML } from './policy-body';
import { PolicyReads, type PolicyVersions, type Short } from './policy-reads';
import { PolicyWrites } from './policy-writes';
import { PolicyAnswerDto, PolicyDiffDto, PolicyDto, PolicyListDto, PolicyVersionsDto } from './resources.dto';
import type { PolicySummary } from './resources';

type Listed<T> = { readonly items: readonly T[]; readonly next: null };

/** Policies over HTTP: published, activated, read and compared. */
@Controller('v1')
export class PoliciesController {
  constructor(
    private readonly writes: PolicyWrites,
    private readonly reads: PolicyReads,
  ) {}

  /** Takes in a version of a policy, as YAML or JSON; or answers the one that is this document already. */
  @Post('policies')
  @Operation('publish-policy')
  @RouteConfig({ takes: [YAML] })
  @ApiConsumes('application/json', YAML)
  @ApiBody({ schema: { $ref: '/v1/policy.schema.json' } })
  @ApiOkResponse({ type: PolicyAnswerDto, description: 'It was published already.' })
  @ApiCreatedResponse({ type: PolicyAnswerDto, description: 'Published.' })
  async publish(
    @Body() body: object,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PolicyAnswer> {
    const answer = await this.writes.write({ verb: 'publish', data: draftOfBody(body) }, exchange);
    const { policy, version } = answer.policy;
    reply.code(answer.changed ? 201 : 200).header('location', `/v1/policies/${policy}/versions/${version}`);
    return answer;
  }

  /** Puts a version in force. */
  @Post('policies/:policy/versions/:n/activation')
  @HttpCode(200)
  @Operation('activate-policy')
  @ApiOkResponse({ type: PolicyAnswerDto })
  async activate(
    @Param() { policy, n }: PolicyVersionPath,
    @Exchanging() exchange: Exchange,
  ): Promise<PolicyAnswer> {
    return this.writes.write({ verb: 'activate', data: { policy, version: n } }, exchange);
  }

  /** The policies of the tenant, and the built-in one, which governs what no other does. */
  @Get('policies')
  @Operation('read')
  @ApiOkResponse({ type: PolicyListDto })
  async listPolicies(@Exchanging() { caller }: Exchange): Promise<Listed<PolicySummary>> {
    return { items: await this.reads.list(caller.tenant), next: null };
  }

  /** The versions of a policy, and how often which came into force, newest first. */
  @Get('policies/:policy')
  @Operation('read')
  @ApiOkResponse({ type: PolicyVersionsDto })
  async policy(
    @Param() { policy }: PolicyPath,
    @Exchanging() { caller }: Exchange,
  ): Promise<PolicyVersions & Listed<Short>> {
    return { ...(await this.reads.versions(caller.tenant, policy)), next: null };
  }

  /** The same, by the path that versions have. */
  @Get('policies/:policy/versions')
  @Operation('read')
  @ApiOkResponse({ type: PolicyVersionsDto })
  async policyVersions(
    @Param() path: PolicyPath,
    @Exchanging() exchange: Exchange,
  ): Promise<PolicyVersions & Listed<Short>> {
    return this.policy(path, exchange);
  }

  /** One version, with its document. */
  @Get('policies/:policy/versions/:n')
  @Operation('read')
  @ApiOkResponse({ type: PolicyDto })
  async policyVersion(
    @Param() { policy, n }: PolicyVersionPath,
    @Exchanging() { caller }: Exchange,
  ): Promise<PolicyResource> {
    return this.reads.version(caller.tenant, policy, n);
  }

  /** What differs between two versions, by JSON pointer. */
  @Get('policies/:policy/versions/:n/diff')
  @Operation('read')
  @ApiOkResponse({ type: PolicyDiffDto })
  async policyDiff(
    @Param() { policy, n }: PolicyVersionPath,
    @Query() { from }: DiffQuery,
    @Exchanging() { caller }: Exchange,
  ): Promise<{ policy: string; from: number; to: number; changes: Change[] }> {
    return { policy, from, to: n, changes: await this.reads.diff(caller.tenant, policy, from, n) };
  }

  /** The JSON Schema of a policy. */
  @Get('policy.schema.json')
  @Operation('public')
  @ApiOkResponse({ schema: { type: 'object', additionalProperties: true } })
  policySchema(): object {
    return POLICY_SCHEMA;
  }
}
