import type {
  ListTenantsResponse,
  OpenTenantRequest,
  OpenTenantResponse,
  ResumeTenantRequest,
  SuspendTenantRequest,
  TenantResponse,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { shaped } from '../messages';
import { present } from '../present';
import { Exchanging, type Exchange } from '../models/exchange';
import { OpenTenantDto, SuspendDto, TenantPath } from './access.dto';
import { AccessReads } from './access-reads';
import { AccessWrites, type Written } from './access-writes';
import { keyMessage, tenantMessage } from './messages';
import type { TenantResource } from './resources';

/** The tenants of this installation, over gRPC. */
@Controller()
export class TenantsGrpc {
  constructor(
    private readonly writes: AccessWrites,
    private readonly reads: AccessReads,
  ) {}

  @GrpcMethod('Tenants', 'OpenTenant')
  @Operation('open-tenant')
  async openTenant(
    @Payload() message: OpenTenantRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<OpenTenantResponse> {
    const { tenant: name } = await shaped(OpenTenantDto, message);
    const { changed, position, admin, ...tenant } = await this.writes.open(name, exchange);
    const { key, ...info } = admin ?? { key: null };
    const told = 'id' in info ? keyMessage(info) : undefined;
    return { changed, position, tenant: tenantMessage(tenant), admin: told, key: key ?? undefined };
  }

  @GrpcMethod('Tenants', 'ListTenants')
  @Operation('list-tenants')
  async listTenants(): Promise<ListTenantsResponse> {
    return { items: (await this.reads.tenants()).map(tenantMessage) };
  }

  @GrpcMethod('Tenants', 'SuspendTenant')
  @Operation('suspend-tenant')
  async suspendTenant(
    @Payload() { tenant: name, ...message }: SuspendTenantRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<TenantResponse> {
    const { tenant } = await shaped(TenantPath, present({ tenant: name }));
    return answer(await this.writes.suspend(tenant, await shaped(SuspendDto, message), exchange));
  }

  @GrpcMethod('Tenants', 'ResumeTenant')
  @Operation('suspend-tenant')
  async resumeTenant(
    @Payload() { tenant: name, ...message }: ResumeTenantRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<TenantResponse> {
    const { tenant } = await shaped(TenantPath, present({ tenant: name }));
    return answer(await this.writes.resume(tenant, await shaped(SuspendDto, message), exchange));
  }
}

function answer({ changed, position, ...tenant }: Written & TenantResource): TenantResponse {
  return { changed, position, tenant: tenantMessage(tenant) };
}
