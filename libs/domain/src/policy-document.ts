// NOTE: stored format. A published document is kept as it came and hashed: add optional members, never change one.

/** A name in CEL of something that must hold; an error or a missing value is inconclusive, which is not a pass. */
export type Expression = { readonly name: string; readonly expr: string };

/** What a registration can be asked to have, and not empty. */
export const REQUIRABLE = [
  'label',
  'changelog',
  'author',
  'artifacts',
  'code',
  'config',
  'prompt',
  'retrieval',
  'datasets',
  'framework',
  'parent',
  'run',
] as const;
export type Requirable = (typeof REQUIRABLE)[number];

/** What suites whose name matches must have measured, and how well. */
export type SuiteDemand = {
  readonly suite: string;
  /** ISO 8601: the newest matching evaluation is not older. */
  readonly maxAge?: string;
  readonly metrics?: {
    readonly [metric: string]: {
      readonly min?: number;
      readonly max?: number;
      readonly maxRegression?: number;
      readonly better?: 'higher' | 'lower';
    };
  };
};

/** So many different people; of this capacity, or of any. */
export type ApprovalDemand = { readonly capacity?: string; readonly count: number };

/** No promotion in here: from one instant to another, or every week on the clocks of a zone. */
export type Freeze =
  | { readonly from: string; readonly to: string; readonly reason: string }
  | { readonly weekly: string; readonly zone: string; readonly reason: string };

/** A policy as its author wrote it. Durations are ISO 8601, of weeks, days, hours, minutes, seconds. */
export type PolicyDocument = {
  readonly policy: string;
  /** Names of models; `*` stands for any run of characters. */
  readonly models: readonly string[];
  /** Who activates a version of this policy is not who wrote it. */
  readonly fourEyes?: boolean;
  readonly register?: {
    readonly require?: readonly Requirable[];
    readonly rules?: readonly Expression[];
  };
  readonly staging?: {
    readonly evaluations?: { readonly min: number; readonly every: 'passed' };
    readonly suites?: readonly SuiteDemand[];
  };
  readonly production?: {
    readonly approvals?: readonly ApprovalDemand[];
    readonly approvalsValidFor?: string;
    /** Time in STAGING before a promotion. */
    readonly soak?: string;
    readonly freeze?: readonly Freeze[];
    readonly rules?: readonly Expression[];
  };
  readonly breakGlass?: { readonly capacity: string; readonly reviewWithin: string };
  readonly deprecation?: { readonly notice: string };
};
