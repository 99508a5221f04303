// NOTE: stored format. Permanent: add optional fields, never change or drop one (docs/architecture.md).

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type ActorKind = 'user' | 'service';
export type Actor = { readonly id: string; readonly kind: ActorKind };

/** What surrounds every payload. */
export type Meta = {
  /** UUID v5 of the command id: the same command makes the same id. */
  readonly id: string;
  /** RFC 3339, UTC, milliseconds; never before the previous event of the stream. */
  readonly time: string;
  readonly tenant: string;
  readonly model?: string;
  readonly actor: Actor;
  readonly auth: {
    readonly method: 'header' | 'key' | 'oidc';
    readonly credential?: string;
    readonly issuer?: string;
  };
  /** `key`: 128-bit hash of (stream, actor, Idempotency-Key); `fingerprint`: hash of operation + canonical body. */
  readonly command: { readonly id: string; readonly key?: string; readonly fingerprint: string };
  readonly correlation: string;
  readonly causation?: string;
  readonly schema: 1;
};

export type Ref = { readonly version: number; readonly digest: string };
export type Dataset = { readonly name: string; readonly digest?: string; readonly size?: number };
export type ManifestDataset = Dataset & {
  readonly role?: string;
  readonly version?: string;
  readonly source?: string;
  readonly license?: string;
};
export type Artifact = {
  readonly name: string;
  readonly uri: string;
  readonly digest: string;
  readonly bytes?: number;
};

/** What a version is made of, in canonical form: whatever is empty is absent. */
export type Manifest = {
  readonly artifacts?: readonly Artifact[];
  readonly code?: { readonly repository?: string; readonly revision?: string };
  readonly config?: Json;
  readonly prompt?: Json;
  readonly retrieval?: Json;
  readonly datasets?: readonly ManifestDataset[];
  readonly framework?: { readonly name?: string; readonly version?: string };
  readonly parent?: number;
  readonly run?: string;
};

export type Bound = {
  readonly min?: number;
  readonly max?: number;
  readonly maxRegression?: number;
  readonly better?: 'higher' | 'lower';
};
export type Verdict = 'pass' | 'fail' | 'inconclusive';
export type Rule = {
  readonly rule: string;
  readonly suite?: string;
  readonly metric?: string;
  readonly required: unknown;
  readonly observed: unknown;
  readonly verdict: Verdict;
  readonly because?: string;
};
/** `revision`: of the policy stream, as it was read. */
export type PolicyRef = {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly revision?: string;
};
/** Which `model.Evaluated` (its revision in this stream) of which version. */
export type Baseline = { readonly version: number; readonly revision: string };
/** By metric: the live version's value, and how far the new one is above it. */
export type Deltas = { readonly [metric: string]: { readonly live: number; readonly delta: number } };

export const REASON_CODES = [
  'accuracy-regression',
  'latency',
  'error-rate',
  'drift',
  'safety',
  'security',
  'compliance',
  'cost',
  'bad-data',
  'other',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export type Registered = {
  readonly version: number;
  readonly digest: string;
  readonly label?: string;
  readonly changelog: string;
  readonly author?: string;
  readonly manifest: Manifest;
  /** What the policy in force asks of a registration; absent where it asks nothing. */
  readonly rules?: readonly Rule[];
  readonly policy?: PolicyRef;
};
export type Evaluated = {
  readonly version: number;
  readonly digest: string;
  /** With this evaluation on the table. */
  readonly evaluated: string;
  readonly suite: string;
  readonly dataset: Dataset;
  readonly metrics: { readonly [metric: string]: number };
  readonly thresholds: { readonly [metric: string]: Bound };
  readonly report?: { readonly uri: string; readonly digest?: string };
  readonly baseline?: Baseline;
  readonly deltas: Deltas;
  readonly rules: readonly Rule[];
  readonly passed: boolean;
  readonly movedTo?: 'STAGING';
  readonly policy: PolicyRef;
};
export type Decided = {
  readonly version: number;
  readonly digest: string;
  readonly evaluated: string;
  readonly comment?: string;
  readonly capacity?: string;
  /** The capacities that the reviewer held when they decided; absent: none. */
  readonly capacities?: readonly string[];
  readonly policy: PolicyRef;
};
export type Evidence = {
  /** Revisions in this stream. */
  readonly registered: string;
  readonly evaluations: readonly string[];
  readonly approvals: readonly string[];
  readonly rules: readonly Rule[];
  readonly baseline?: Ref;
  /** By suite. */
  readonly deltas: { readonly [suite: string]: Deltas };
  /** Which approval was counted as what; `held`: the capacities of then that its reviewer still holds now. */
  readonly counted?: readonly Counted[];
  readonly policy: PolicyRef;
};
export type Counted = {
  /** Its revision in this stream. */
  readonly approval: string;
  readonly by: string;
  readonly capacity?: string;
  readonly held?: readonly string[];
};
export type Promoted = {
  readonly version: number;
  readonly digest: string;
  readonly previous?: Ref;
  /** The pointer's new revision. */
  readonly pointer: number;
  readonly note?: string;
  readonly evidence: Evidence;
  /** Approvals, soak and freeze were skipped; `reviewBy`: until when a second person should have looked at it. */
  readonly breakGlass?: { readonly reason: string; readonly capacity?: string; readonly reviewBy?: string };
};
export type BreakGlassReviewed = {
  readonly version: number;
  readonly digest: string;
  /** The revision of the promotion in this stream. */
  readonly promotion: string;
  readonly verdict: 'justified' | 'not-justified';
  readonly comment?: string;
};
export type RolledBack = {
  readonly from: Ref;
  readonly to?: Ref;
  readonly pointer: number;
  readonly reason: ReasonCode;
  readonly note?: string;
};
export type Deprecated = {
  readonly version: number;
  readonly digest: string;
  /** YYYY-MM-DD, UTC. */
  readonly sunset: string;
  readonly successor?: number;
  readonly note?: string;
};

/** Every event of a model there is, by its stored name. */
export type ModelEvent =
  | { readonly type: 'model.Registered'; readonly data: Registered }
  | { readonly type: 'model.Evaluated'; readonly data: Evaluated }
  | { readonly type: 'model.Approved'; readonly data: Decided }
  | { readonly type: 'model.Rejected'; readonly data: Decided }
  | { readonly type: 'model.Promoted'; readonly data: Promoted }
  | { readonly type: 'model.RolledBack'; readonly data: RolledBack }
  | { readonly type: 'model.Deprecated'; readonly data: Deprecated }
  | { readonly type: 'model.BreakGlassReviewed'; readonly data: BreakGlassReviewed };

/** An event and where and how it was recorded: what `evolve` and the views fold. */
export type Fact<E extends ModelEvent = ModelEvent> = E & {
  readonly id: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly meta: Meta;
};
