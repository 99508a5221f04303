import {
  toStruct,
  type ActivatePolicyRequest,
  type GetPolicyRequest,
  type Policy,
  type PolicyWriteResponse,
  type PublishPolicyRequest,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { readPolicy } from '@gatehouse/policy';
import type { PolicyCommand } from '@gatehouse/domain';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { eventMessage, present, shaped } from '../messages';
import { Exchanging, type Exchange } from '../models/exchange';
import type { PolicyResource } from './on-policies';
import { PoliciesInForce } from './policies-in-force';
import { NamedPolicyVersion, PublishPolicyDto } from './policies.dto';
import { PolicyWrites } from './policy-writes';
import { versionOf } from './resources';

/** Policies over gRPC: the same commands, the same answers. */
@Controller()
export class PoliciesGrpc {
  constructor(
    private readonly writes: PolicyWrites,
    private readonly policies: PoliciesInForce,
  ) {}

  @GrpcMethod('Policies', 'PublishPolicy')
  @Operation('publish-policy')
  async publish(
    @Payload() message: PublishPolicyRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<PolicyWriteResponse> {
    const { document } = await shaped(PublishPolicyDto, message);
    return this.write({ verb: 'publish', data: readPolicy(document) }, exchange);
  }

  @GrpcMethod('Policies', 'ActivatePolicy')
  @Operation('activate-policy')
  async activate(
    @Payload() message: ActivatePolicyRequest,
    @Exchanging() exchange: Exchange,
  ): Promise<PolicyWriteResponse> {
    const { policy, version } = await shaped(NamedPolicyVersion, message);
    return this.write({ verb: 'activate', data: { policy, version } }, exchange);
  }

  @GrpcMethod('Policies', 'GetPolicy')
  @Operation('read')
  async policy(@Payload() message: GetPolicyRequest, @Exchanging() { caller }: Exchange): Promise<Policy> {
    const { policy, version } = await shaped(NamedPolicyVersion, message);
    const { state } = await this.policies.of(caller.tenant);
    return policyMessage(versionOf(state, policy, version));
  }

  private async write(command: PolicyCommand, exchange: Exchange): Promise<PolicyWriteResponse> {
    const { policy, event, ...answer } = await this.writes.write(command, exchange);
    return { ...answer, policy: policyMessage(policy), event: event ? eventMessage(event) : undefined };
  }
}

function policyMessage({ document, models, ...policy }: PolicyResource): Policy {
  return { ...present(policy), models: [...models], document: toStruct(document) };
}
