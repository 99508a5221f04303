import { policyVersion, type Activation } from '@gatehouse/domain';
import { diff, type Change } from '@gatehouse/policy';
import { Injectable } from '@nestjs/common';
import type { PolicyResource } from './on-policies';
import { PoliciesInForce } from './policies-in-force';
import { BUILT_IN_RESOURCE, resourceOf, summaryOf, versionOf, type PolicySummary } from './resources';

export type Short = Omit<PolicyResource, 'document'>;
/** Both newest first. */
export type PolicyVersions = PolicySummary & {
  readonly activations: readonly Activation[];
  readonly items: readonly Short[];
};

const BUILT_IN: PolicySummary = {
  policy: BUILT_IN_RESOURCE.policy,
  versions: 1,
  active: 1,
  models: BUILT_IN_RESOURCE.models,
};

/** What is asked about policies, through either door: as they are now, the built-in one with them. */
@Injectable()
export class PolicyReads {
  constructor(private readonly policies: PoliciesInForce) {}

  /** By name. */
  async list(tenant: string): Promise<PolicySummary[]> {
    const { state } = await this.policies.of(tenant);
    const own = [...state.policies].map(([name, policy]) => summaryOf(name, policy));
    return [...own, BUILT_IN].sort((a, b) => (a.policy < b.policy ? -1 : 1));
  }

  async versions(tenant: string, name: string): Promise<PolicyVersions> {
    const { state } = await this.policies.of(tenant);
    if (name === BUILT_IN.policy) return { ...BUILT_IN, activations: [], items: [short(BUILT_IN_RESOURCE)] };
    policyVersion(state, name, 1);
    const policy = state.policies.get(name)!;
    const items = policy.versions.map((version) => short(resourceOf(state, version))).reverse();
    return { ...summaryOf(name, policy), activations: policy.activations.toReversed(), items };
  }

  async version(tenant: string, name: string, number: number): Promise<PolicyResource> {
    const { state } = await this.policies.of(tenant);
    return versionOf(state, name, number);
  }

  async diff(tenant: string, name: string, from: number, to: number): Promise<Change[]> {
    const { state } = await this.policies.of(tenant);
    const [before, after] = [from, to].map((number) => versionOf(state, name, number).document);
    return diff(before, after);
  }
}

function short({ document: _, ...rest }: PolicyResource): Short {
  return rest;
}
