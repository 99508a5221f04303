import { Operation } from '@gatehouse/platform';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Exchanging, type Exchange } from '../models/exchange';
import type { Listed } from '../reads/reads';
import { PageQuery } from '../reads/reads.dto';
import { GrantDto, GrantPath, IssueKeyDto, KeyPath } from './access.dto';
import { AccessReads } from './access-reads';
import { AccessWrites, type IssuedKey, type Written } from './access-writes';
import {
  GrantAnswerDto,
  GrantListDto,
  IssuedKeyDto,
  KeyAnswerDto,
  KeyListDto,
  MeDto,
  WithdrawnDto,
} from './resources.dto';
import { meResource, type GrantResource, type KeyResource, type MeResource } from './resources';

/** Who may do what, over HTTP. */
@Controller('v1/access')
export class AccessController {
  constructor(
    private readonly writes: AccessWrites,
    private readonly reads: AccessReads,
  ) {}

  /** Makes a key. The answer is the only place where it is ever shown. */
  @Post('keys')
  @Operation('issue-key')
  @ApiCreatedResponse({ type: IssuedKeyDto, description: 'Issued.' })
  async issueKey(
    @Body() body: IssueKeyDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IssuedKey> {
    const issued = await this.writes.issue(body, exchange);
    reply.header('location', `/v1/access/keys/${issued.id}`).header('cache-control', 'no-store');
    return issued;
  }

  /** Every key of the tenant, also revoked and expired ones, the newest last. */
  @Get('keys')
  @Operation('read-access')
  @ApiOkResponse({ type: KeyListDto })
  async listKeys(@Query() page: PageQuery, @Exchanging() { caller }: Exchange): Promise<Listed<KeyResource>> {
    return this.reads.keys(caller, page);
  }

  /** Ends a key, at once and for good. */
  @Delete('keys/:id')
  @Operation('revoke-key')
  @ApiOkResponse({ type: KeyAnswerDto })
  async revokeKey(
    @Param() { id }: KeyPath,
    @Exchanging() exchange: Exchange,
  ): Promise<Written & KeyResource> {
    return this.writes.revoke(id, exchange);
  }

  /** Gives a role to a person, a key or a group. */
  @Post('grants')
  @Operation('grant')
  @ApiOkResponse({ type: GrantAnswerDto, description: 'It stands already.' })
  @ApiCreatedResponse({ type: GrantAnswerDto, description: 'Granted.' })
  async grant(
    @Body() body: GrantDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Written & GrantResource> {
    const granted = await this.writes.grant(body, exchange);
    reply.code(granted.changed ? 201 : 200).header('location', `/v1/access/grants/${granted.id}`);
    return granted;
  }

  /** The grants that stand, the newest last. */
  @Get('grants')
  @Operation('read-access')
  @ApiOkResponse({ type: GrantListDto })
  async listGrants(
    @Query() page: PageQuery,
    @Exchanging() { caller }: Exchange,
  ): Promise<Listed<GrantResource>> {
    return this.reads.grants(caller, page);
  }

  /** Takes a grant back. */
  @Delete('grants/:id')
  @Operation('withdraw')
  @ApiOkResponse({ type: WithdrawnDto })
  async withdraw(
    @Param() { id }: GrantPath,
    @Exchanging() exchange: Exchange,
  ): Promise<Written & { readonly id: string }> {
    return this.writes.withdraw(id, exchange);
  }

  /** Who calls, and what they may do. */
  @Get('me')
  @Operation('read-self')
  @ApiOkResponse({ type: MeDto })
  @HttpCode(200)
  me(@Exchanging() { caller }: Exchange): MeResource {
    return meResource(caller);
  }
}
