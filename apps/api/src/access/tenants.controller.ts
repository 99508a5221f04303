import { Operation } from '@gatehouse/platform';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Exchanging, type Exchange } from '../models/exchange';
import { OpenTenantDto, SuspendDto, TenantPath } from './access.dto';
import { AccessReads } from './access-reads';
import { AccessWrites, type OpenedTenant, type Written } from './access-writes';
import { OpenedTenantDto, TenantAnswerDto, TenantListDto } from './resources.dto';
import type { TenantResource } from './resources';

/** The tenants of this installation, for whoever has the platform key; what is in them is not theirs. */
@Controller('v1/tenants')
export class TenantsController {
  constructor(
    private readonly writes: AccessWrites,
    private readonly reads: AccessReads,
  ) {}

  /** Opens a tenant, with a key for its first admin. The answer is the only place where it is ever shown. */
  @Post()
  @Operation('open-tenant')
  @ApiOkResponse({ type: OpenedTenantDto, description: 'It is open already.' })
  @ApiCreatedResponse({ type: OpenedTenantDto, description: 'Opened.' })
  async openTenant(
    @Body() { tenant }: OpenTenantDto,
    @Exchanging() exchange: Exchange,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OpenedTenant> {
    const opened = await this.writes.open(tenant, exchange);
    reply.code(opened.changed ? 201 : 200).header('cache-control', 'no-store');
    return opened;
  }

  /** Every tenant there is. */
  @Get()
  @Operation('list-tenants')
  @ApiOkResponse({ type: TenantListDto })
  async listTenants(): Promise<{ readonly items: readonly TenantResource[]; readonly next: null }> {
    return { items: await this.reads.tenants(), next: null };
  }

  /** Refuses every credential of a tenant until it may go on. */
  @Post(':tenant/suspension')
  @HttpCode(200)
  @Operation('suspend-tenant')
  @ApiOkResponse({ type: TenantAnswerDto })
  async suspendTenant(
    @Param() { tenant }: TenantPath,
    @Body() why: SuspendDto,
    @Exchanging() exchange: Exchange,
  ): Promise<Written & TenantResource> {
    return this.writes.suspend(tenant, why, exchange);
  }

  /** Lets a tenant go on. */
  @Delete(':tenant/suspension')
  @Operation('suspend-tenant')
  @ApiOkResponse({ type: TenantAnswerDto })
  async resumeTenant(
    @Param() { tenant }: TenantPath,
    @Exchanging() exchange: Exchange,
  ): Promise<Written & TenantResource> {
    return this.writes.resume(tenant, {}, exchange);
  }
}
