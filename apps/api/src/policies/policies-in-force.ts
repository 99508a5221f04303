import {
  decodePolicy,
  evolvePolicy,
  governing,
  noPolicies,
  policyStream,
  refOf,
  type PoliciesState,
  type Policy,
  type PolicyFact,
  type PolicyVersion,
} from '@gatehouse/domain';
import { Standing, type AsRead, type EventStore, type Folding } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import { BUILT_IN_POLICY, policyOf } from '@gatehouse/policy';
import { Inject, Injectable } from '@nestjs/common';

/** How the policies of a tenant fold. */
export const POLICIES: Folding<PoliciesState, PolicyFact> = {
  initial: noPolicies,
  decode: decodePolicy,
  evolve: evolvePolicy,
  bytes: ({ bytes }) => bytes,
};

/** Compiled policies that are kept: more than are in force at once, as a rule. */
const MOST_KEPT = 200;

/** Which policy governs, read forward from what is known at every question: what was activated before is seen. */
@Injectable()
export class PoliciesInForce {
  private readonly standing: Standing<PoliciesState, PolicyFact>;
  private readonly compiled = new Map<string, Policy>();

  constructor(@Inject(EVENT_STORE) store: EventStore) {
    this.standing = new Standing(store, POLICIES);
  }

  /** The policies of a tenant as they are now. */
  of(tenant: string): Promise<AsRead<PoliciesState>> {
    return this.standing.newest(policyStream(tenant));
  }

  /** The policy in force for a model, and at which revision of the tenant's policies it was read. */
  async governing(tenant: string, model: string): Promise<Policy> {
    const { state, revision } = await this.of(tenant);
    // A tenant without policies of its own leaves the reference as it has always been.
    if (revision < 0n) return BUILT_IN_POLICY;
    const version = governing(state, model);
    if (version) return { ...this.compile(version), ref: refOf(version, revision) };
    return { ...BUILT_IN_POLICY, ref: { ...BUILT_IN_POLICY.ref, revision: String(revision) } };
  }

  /** The same document is read once. */
  private compile({ policy: name, version, digest, document }: PolicyVersion): Policy {
    const known = this.compiled.get(digest);
    if (known) return known;
    const made = policyOf({ name, version, digest }, document);
    this.compiled.set(digest, made);
    for (const oldest of this.compiled.keys()) {
      if (this.compiled.size <= MOST_KEPT) break;
      this.compiled.delete(oldest);
    }
    return made;
  }
}
