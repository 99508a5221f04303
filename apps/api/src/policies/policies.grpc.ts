import {
  toStruct,
  toValue,
  type ActivatePolicyRequest,
  type DiffPolicyRequest,
  type DiffPolicyResponse,
  type GetPolicyRequest,
  type ListPoliciesResponse,
  type ListPolicyVersionsRequest,
  type ListPolicyVersionsResponse,
  type Policy,
  type PolicyChange,
  type PolicySummary as PolicySummaryMessage,
  type PolicyWriteResponse,
  type PublishPolicyRequest,
} from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { readPolicy, type Change } from '@gatehouse/policy';
import type { PolicyCommand } from '@gatehouse/domain';
import { Controller } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { eventMessage, shaped } from '../messages';
import { present } from '../present';
import { Exchanging, type Exchange } from '../models/exchange';
import type { PolicyResource } from './on-policies';
import { DiffPolicyDto, NamedPolicyVersion, PolicyPath, PublishPolicyDto } from './policies.dto';
import { PolicyReads, type Short } from './policy-reads';
import { PolicyWrites } from './policy-writes';
import type { PolicySummary } from './resources';

/** Policies over gRPC: the same commands, the same answers. */
@Controller()
export class PoliciesGrpc {
  constructor(
    private readonly writes: PolicyWrites,
    private readonly reads: PolicyReads,
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
  @Operation('read-policies')
  async policy(@Payload() message: GetPolicyRequest, @Exchanging() { caller }: Exchange): Promise<Policy> {
    const { policy, version } = await shaped(NamedPolicyVersion, message);
    return policyMessage(await this.reads.version(caller.tenant, policy, version));
  }

  @GrpcMethod('Policies', 'ListPolicies')
  @Operation('read-policies')
  async list(@Exchanging() { caller }: Exchange): Promise<ListPoliciesResponse> {
    return { items: (await this.reads.list(caller.tenant)).map(summaryMessage) };
  }

  @GrpcMethod('Policies', 'ListPolicyVersions')
  @Operation('read-policies')
  async versions(
    @Payload() message: ListPolicyVersionsRequest,
    @Exchanging() { caller }: Exchange,
  ): Promise<ListPolicyVersionsResponse> {
    const path = await shaped(PolicyPath, message);
    const { items, activations, ...policy } = await this.reads.versions(caller.tenant, path.policy);
    return {
      policy: summaryMessage(policy),
      items: items.map(shortMessage),
      activations: activations.map((activation) => present(activation)),
    };
  }

  @GrpcMethod('Policies', 'DiffPolicy')
  @Operation('read-policies')
  async diff(
    @Payload() message: DiffPolicyRequest,
    @Exchanging() { caller }: Exchange,
  ): Promise<DiffPolicyResponse> {
    const { policy, version, from } = await shaped(DiffPolicyDto, message);
    const changes = await this.reads.diff(caller.tenant, policy, from, version);
    return { changes: changes.map(changeMessage) };
  }

  private async write(command: PolicyCommand, exchange: Exchange): Promise<PolicyWriteResponse> {
    const { policy, event, ...answer } = await this.writes.write(command, exchange);
    return { ...answer, policy: policyMessage(policy), event: event ? eventMessage(event) : undefined };
  }
}

function policyMessage({ document, ...policy }: PolicyResource): Policy {
  return { ...shortMessage(policy), document: toStruct(document) };
}

function shortMessage({ models, ...policy }: Short): Policy {
  return { ...present(policy), models: [...models] };
}

function summaryMessage({ models, ...policy }: PolicySummary): PolicySummaryMessage {
  return { ...present(policy), models: [...models] };
}

function changeMessage({ pointer, before, after }: Change): PolicyChange {
  return {
    pointer,
    ...(before !== undefined && { before: toValue(before) }),
    ...(after !== undefined && { after: toValue(after) }),
  };
}
