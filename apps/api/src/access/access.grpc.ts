import type {
  GrantRoleRequest,
  GrantRoleResponse,
  IssueKeyRequest,
  IssueKeyResponse,
  ListGrantsResponse,
  ListKeysResponse,
  Me,
  RevokeKeyRequest,
  RevokeKeyResponse,
  WithdrawGrantRequest,
  WithdrawGrantResponse,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { shaped } from '../messages';
import { Exchanging, type Exchange } from '../models/exchange';
import { PageQuery } from '../reads/reads.dto';
import { GrantDto, GrantPath, IssueKeyDto, KeyPath } from './access.dto';
import { AccessReads } from './access-reads';
import { AccessWrites } from './access-writes';
import { grantMessage, keyMessage, meMessage } from './messages';
import { meResource } from './resources';

/** Who may do what, over gRPC: the same DTO classes, the same commands, the same answers. */
@Controller()
export class AccessGrpc {
  constructor(
    private readonly writes: AccessWrites,
    private readonly reads: AccessReads,
  ) {}

  @GrpcMethod('Access', 'IssueKey')
  @Operation('issue-key')
  async issueKey(
    @Payload() message: IssueKeyRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<IssueKeyResponse> {
    // A list that is empty does not travel: it is the empty list.
    const body = await shaped(IssueKeyDto, { ...message, roles: message.roles ?? [] });
    const { changed, position, key, ...info } = await this.writes.issue(body, exchange);
    return { changed, position, info: keyMessage(info), key: key ?? undefined };
  }

  @GrpcMethod('Access', 'ListKeys')
  @Operation('read-access')
  async listKeys(@Payload() page: PageQuery, @Exchanging() { caller }: Exchange): Promise<ListKeysResponse> {
    const { items, next } = await this.reads.keys(caller, page);
    return { items: items.map(keyMessage), next: next ?? undefined };
  }

  @GrpcMethod('Access', 'RevokeKey')
  @Operation('revoke-key')
  async revokeKey(
    @Payload() message: RevokeKeyRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<RevokeKeyResponse> {
    const { id } = await shaped(KeyPath, message);
    const { changed, position, ...info } = await this.writes.revoke(id, exchange);
    return { changed, position, info: keyMessage(info) };
  }

  @GrpcMethod('Access', 'GrantRole')
  @Operation('grant')
  async grant(
    @Payload() message: GrantRoleRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<GrantRoleResponse> {
    const body = await shaped(GrantDto, message);
    const { changed, position, ...grant } = await this.writes.grant(body, exchange);
    return { changed, position, grant: grantMessage(grant) };
  }

  @GrpcMethod('Access', 'ListGrants')
  @Operation('read-access')
  async listGrants(
    @Payload() page: PageQuery,
    @Exchanging() { caller }: Exchange,
  ): Promise<ListGrantsResponse> {
    const { items, next } = await this.reads.grants(caller, page);
    return { items: items.map(grantMessage), next: next ?? undefined };
  }

  @GrpcMethod('Access', 'WithdrawGrant')
  @Operation('withdraw')
  async withdraw(
    @Payload() message: WithdrawGrantRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<WithdrawGrantResponse> {
    const { id } = await shaped(GrantPath, message);
    return this.writes.withdraw(id, exchange);
  }

  @GrpcMethod('Access', 'GetMe')
  @Operation('read-self')
  me(@Exchanging() { caller }: Exchange): Promise<Me> {
    return Promise.resolve(meMessage(meResource(caller)));
  }
}
