import { refuseUnknown, type Stored } from './codec';
import type { Actor, Meta, PolicyRef } from './events';
import { keyOf, sameHand, type Acting } from './makers';
import { commonName, matchesPattern, specificity } from './patterns';
import type { PolicyDocument } from './policy-document';
import { Rejected, tooMany } from './rejections';

// The policies of a tenant: one aggregate, one stream. Versions of a name are numbered from 1 and never change.

// NOTE: stored format. Permanent: add optional fields, never change or drop one (docs/architecture.md).

export type Published = {
  readonly policy: string;
  readonly version: number;
  /** Of the canonical document. */
  readonly digest: string;
  readonly document: PolicyDocument;
};
export type Activated = {
  readonly policy: string;
  readonly version: number;
  readonly digest: string;
  /** The version that was in force before. */
  readonly replaces?: number;
};

/** Every event of the policies of a tenant there is, by its stored name. */
export type PolicyEvent =
  | { readonly type: 'policy.Published'; readonly data: Published }
  | { readonly type: 'policy.Activated'; readonly data: Activated };

const STORED_NAMES: Record<PolicyEvent['type'], true> = {
  'policy.Published': true,
  'policy.Activated': true,
};

export type PolicyFact<E extends PolicyEvent = PolicyEvent> = E & {
  readonly id: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly meta: Meta;
};

/** From what is stored to what it means today. Throws `Undecodable` for a name or a schema it does not know. */
export function decodePolicy(stored: Stored): PolicyFact {
  refuseUnknown(stored, STORED_NAMES);
  return stored as unknown as PolicyFact;
}

/** Everything that can be asked of the policies of a tenant. The document was checked before. */
export type PolicyCommand =
  | { readonly verb: 'publish'; readonly data: Pick<Published, 'digest' | 'document'> }
  | { readonly verb: 'activate'; readonly data: Pick<Activated, 'policy' | 'version'> };

export type PolicyVersion = {
  readonly policy: string;
  readonly version: number;
  readonly digest: string;
  readonly document: PolicyDocument;
  readonly publishedAt: string;
  readonly publishedBy: Actor;
  /** The key that it was published with, if it was one. */
  readonly publishedWith: string | null;
  /** When it last came into force. */
  activatedAt: string | null;
  activatedBy: Actor | null;
};

export type NamedPolicy = {
  /** Version n stands at n − 1. */
  readonly versions: PolicyVersion[];
  /** The number of the version in force; null while there is none. */
  active: number | null;
  /** The last hundred, oldest first. */
  readonly activations: Activation[];
};

export type Activation = {
  readonly version: number;
  readonly at: string;
  readonly by: Actor;
  /** The version that was in force before; null: none. */
  readonly replaces: number | null;
};

export type PoliciesState = {
  readonly policies: Map<string, NamedPolicy>;
  /** About how much memory it takes. */
  bytes: number;
};

/** The name that the built-in policy has, which no tenant's can have. */
export const BUILT_IN = 'built-in';
export const POLICY_LIMITS = { policies: 50, versions: 1_000 } as const;

/** So many are remembered of each policy; the log has all of them. */
const ACTIVATIONS = 100;

export function noPolicies(): PoliciesState {
  return { policies: new Map(), bytes: 200 };
}

/** Folds a fact into the state, in place. It asks no permission: what is recorded happened. */
export function evolvePolicy(state: PoliciesState, fact: PolicyFact): void {
  const { policy: name, version: number } = fact.data;
  const policy = state.policies.get(name) ?? { versions: [], active: null, activations: [] };
  state.policies.set(name, policy);
  switch (fact.type) {
    case 'policy.Published': {
      const { time, actor } = fact.meta;
      const at = { publishedAt: time, publishedBy: actor, publishedWith: keyOf(fact.meta) };
      policy.versions[number - 1] = { ...fact.data, ...at, activatedAt: null, activatedBy: null };
      // Objects take about four times the memory of their text.
      state.bytes += 500 + 4 * JSON.stringify(fact.data.document).length;
      return;
    }
    case 'policy.Activated': {
      policy.active = number;
      const version = policy.versions[number - 1];
      if (!version) return;
      const { time: at, actor: by } = fact.meta;
      version.activatedAt = at;
      version.activatedBy = by;
      policy.activations.push({ version: number, at, by, replaces: fact.data.replaces ?? null });
      if (policy.activations.length > ACTIVATIONS) policy.activations.shift();
      else state.bytes += 300;
    }
  }
}

/** What a command makes of the policies of a tenant: one event; none if it is so already; or `Rejected`. */
export function decidePolicy(
  command: PolicyCommand,
  state: PoliciesState,
  acting: Acting,
): readonly PolicyEvent[] {
  const event =
    command.verb === 'publish' ? publish(command.data, state) : activate(command.data, state, acting);
  return event ? [event] : [];
}

/** A version of a policy; throws where there is none. */
export function policyVersion(state: PoliciesState, name: string, number: number): PolicyVersion {
  const policy = state.policies.get(name);
  if (!policy) throw new Rejected('policy-unknown', `There is no policy ${name}; publish it first.`);
  const version = policy.versions[number - 1];
  if (!version)
    throw new Rejected(
      'version-unknown',
      `Policy ${name} has no version ${number}; it has ${policy.versions.length} so far.`,
    );
  return version;
}

/**
 * Which policy governs a model: of those in force the one with the most specific pattern that matches; null is the
 * built-in one. There is no tie, because an activation that could make one is refused.
 */
export function governing(state: PoliciesState, model: string): PolicyVersion | null {
  let found: PolicyVersion | null = null;
  let best = -1;
  for (const version of inForce(state))
    for (const pattern of version.document.models)
      if (specificity(pattern) > best && matchesPattern(pattern, model)) {
        found = version;
        best = specificity(pattern);
      }
  return found;
}

/** How an event names a policy, as it was read. */
export function refOf({ policy, version, digest }: PolicyVersion, revision: bigint): PolicyRef {
  return { name: policy, version, digest, revision: String(revision) };
}

export function inForce({ policies }: PoliciesState): PolicyVersion[] {
  return [...policies.values()].flatMap(({ versions, active }) =>
    active === null ? [] : [versions[active - 1]!],
  );
}

function publish(data: Pick<Published, 'digest' | 'document'>, state: PoliciesState): PolicyEvent | null {
  const { document, digest } = data;
  const policy = state.policies.get(document.policy);
  if (policy?.versions.some((version) => version.digest === digest)) return null;
  const published = policy?.versions.length ?? 0;
  if (!policy && state.policies.size >= POLICY_LIMITS.policies)
    throw tooMany('/policy', `the tenant has ${POLICY_LIMITS.policies} policies, which is the most`);
  if (published >= POLICY_LIMITS.versions)
    throw tooMany('/policy', `${document.policy} has ${POLICY_LIMITS.versions} versions, which is the most`);
  return {
    type: 'policy.Published',
    data: { policy: document.policy, version: published + 1, digest, document },
  };
}

function activate(
  { policy: name, version: number }: Pick<Activated, 'policy' | 'version'>,
  state: PoliciesState,
  acting: Acting,
): PolicyEvent | null {
  const version = policyVersion(state, name, number);
  const replaces = state.policies.get(name)!.active;
  if (replaces === number) return null;
  refuseOwn(version, state, acting);
  refuseTie(version, state);
  return {
    type: 'policy.Activated',
    data: { policy: name, version: number, digest: version.digest, ...(replaces !== null && { replaces }) },
  };
}

/**
 * Four eyes are needed where the version says so, or the one that it replaces, or a policy in force on some of the same
 * models: else whoever writes a policy without them could take these models out of one with them.
 */
function refuseOwn(version: PolicyVersion, state: PoliciesState, acting: Acting): void {
  const { publishedBy: author, publishedWith } = version;
  const own = sameHand({ by: author.id, key: publishedWith }, acting);
  if (own === null) return;
  const asking = [version, ...inForce(state)].find(
    (other) =>
      other.document.fourEyes === true &&
      (other.policy === version.policy || overlap(other, version) !== null),
  );
  if (!asking) return;
  throw new Rejected(
    'own-approval',
    `${author.id} wrote version ${version.version} of ${version.policy}${HOW[own]}, and ${asking.policy} wants four eyes; somebody else has to activate it.`,
  );
}

const HOW = {
  'same actor': '',
  'made the key of now': ' and made the key that would activate it',
  'made the key of then': ' with a key that who would activate it made',
} as const;

function refuseTie(version: PolicyVersion, state: PoliciesState): void {
  for (const other of inForce(state)) {
    if (other.policy === version.policy) continue;
    const tie = overlap(version, other, (a, b) => specificity(a) === specificity(b));
    if (!tie) continue;
    throw new Rejected(
      'policy-tie',
      `${version.policy} (${tie.patterns[0]}) and ${other.policy} (${tie.patterns[1]}) would both govern ${tie.model}, and neither is more specific; change one of the patterns.`,
      { tie: { policies: [version.policy, other.policy], ...tie } },
    );
  }
}

/** The first patterns of two policies, of those that are looked at, that some name matches both. */
function overlap(
  one: PolicyVersion,
  other: PolicyVersion,
  among: (a: string, b: string) => boolean = () => true,
): { patterns: [string, string]; model: string } | null {
  for (const a of one.document.models)
    for (const b of other.document.models) {
      const model = among(a, b) ? commonName(a, b) : undefined;
      if (model !== undefined) return { patterns: [a, b], model };
    }
  return null;
}
