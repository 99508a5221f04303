import { policyVersion, type NamedPolicy, type PoliciesState, type PolicyVersion } from '@gatehouse/domain';
import { BUILT_IN_POLICY } from '@gatehouse/policy';
import type { PolicyResource } from './on-policies';

/** A policy in short. */
export type PolicySummary = {
  readonly policy: string;
  /** How many. */
  readonly versions: number;
  /** The number of the version in force, if any. */
  readonly active: number | null;
  /** What the version in force governs. */
  readonly models: readonly string[];
};

/** The policy that is built in, told like any other. */
export const BUILT_IN_RESOURCE: PolicyResource = {
  policy: BUILT_IN_POLICY.ref.name,
  version: BUILT_IN_POLICY.ref.version,
  digest: BUILT_IN_POLICY.ref.digest,
  active: true,
  models: BUILT_IN_POLICY.document.models,
  publishedAt: null,
  publishedBy: null,
  activatedAt: null,
  activatedBy: null,
  document: BUILT_IN_POLICY.document,
};

export function resourceOf({ policies }: PoliciesState, version: PolicyVersion): PolicyResource {
  const { policy, version: number, digest, document, ...told } = version;
  const { publishedAt, publishedBy, activatedAt, activatedBy } = told;
  const active = policies.get(policy)?.active === number;
  const dates = { publishedAt, publishedBy, activatedAt, activatedBy };
  return { policy, version: number, digest, active, models: document.models, ...dates, document };
}

/** One version, the built-in one too; throws where there is none. */
export function versionOf(state: PoliciesState, policy: string, number: number): PolicyResource {
  const builtIn = policy === BUILT_IN_RESOURCE.policy && number === BUILT_IN_RESOURCE.version;
  return builtIn ? BUILT_IN_RESOURCE : resourceOf(state, policyVersion(state, policy, number));
}

export function summaryOf(policy: string, { versions, active }: NamedPolicy): PolicySummary {
  const inForce = active === null ? undefined : versions[active - 1];
  return { policy, versions: versions.length, active, models: inForce?.document.models ?? [] };
}
