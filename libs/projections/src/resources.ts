import type { Actor, Dataset, Deltas, Json, Meta, ReasonCode, Rule, Stage, Void } from '@gatehouse/domain';

// The public shapes of docs/api: what the queries answer, word for word.

export type VersionName = { version: number; digest: string; label: string | null };

/** The `live` resource. */
export type Live = {
  model: string;
  revision: number;
  current: VersionName | null;
  previous: VersionName | null;
  rollbackTarget: VersionName | null;
  since: string | null;
  by: Actor | null;
  why: { event: MoveEvent; position: string; reason: ReasonCode | null; note: string | null } | null;
};

export type MoveEvent = 'model.Promoted' | 'model.RolledBack';

/** One move of the live pointer. */
export type Move = {
  revision: number;
  at: string;
  by: Actor;
  event: MoveEvent;
  from: VersionName | null;
  to: VersionName | null;
  reason: ReasonCode | null;
  note: string | null;
  position: string;
};

/** What is in `active_version.json`. */
export type ActiveVersion = {
  model: string;
  current: string | null;
  previous: string | null;
  rollbackTarget: string | null;
  currentVersion: number | null;
  previousVersion: number | null;
  revision: number;
  since: string | null;
};

export type EvaluationView = {
  suite: string;
  at: string;
  by: Actor;
  dataset: Dataset;
  metrics: { readonly [metric: string]: number };
  report: { readonly uri: string; readonly digest?: string } | null;
  baseline: { version: number } | null;
  deltas: Deltas;
  gate: readonly Rule[];
  passed: boolean;
};

export type ApprovalView = {
  decision: 'approve' | 'reject';
  at: string;
  by: Actor;
  comment: string | null;
  void: Void | null;
};

/** A promotion that skipped approvals, soak and freeze, and the second look at it. */
export type BreakGlassView = {
  at: string;
  by: Actor;
  note: string | null;
  /** The revision of the promotion in the model's stream. */
  promotion: string;
  reason: string;
  reviewBy: string | null;
  review: {
    at: string;
    by: Actor;
    verdict: 'justified' | 'not-justified';
    comment: string | null;
  } | null;
};

type Promotion = { at: string; by: Actor; note: string | null };

/** A version as lists show it: without `manifest` and `evidence`. */
export type VersionSummary = {
  model: string;
  version: number;
  digest: string;
  label: string | null;
  stage: Stage;
  evaluated: string;
  changelog: string;
  author: string | null;
  registeredAt: string;
  registeredBy: Actor;
  evaluations: EvaluationView[];
  evaluationCount: number;
  approvals: ApprovalView[];
  promotion: Promotion | null;
  rolledBack: { at: string; by: Actor; reason: ReasonCode } | null;
  deprecation: { at: string; by: Actor; sunset: string; successor: number | null } | null;
  /** Absent: it never went live by break-glass. */
  breakGlass?: BreakGlassView[];
  position: string;
};

/** The `version` resource. */
export type VersionResource = Omit<VersionSummary, 'promotion'> & {
  manifest: { [member: string]: Json };
  promotion: (Promotion & { evidence: Json }) | null;
};

export type ModelSummary = { model: string; versions: number; current: VersionName | null };

/** An event as it is told to the outside. */
export type PublicEvent = {
  position: string;
  stream: string;
  revision: string;
  id: string;
  type: string;
  tenant: string;
  model: string | null;
  version: number | null;
  time: string;
  actor: Actor;
  /** By which credential the actor was known; of access and policies alone. */
  auth?: Meta['auth'];
  correlation: string;
  causation: string | null;
  data: { readonly [key: string]: unknown };
};

/** A page ends early, with a `next`, when its items take so many characters as JSON: the limit alone bounds no memory. */
export const PAGE_CHARACTERS = 4 * 1024 * 1024;

/** Some items and where the next ones begin; null at the end. */
export type Page<Item, After> = { items: Item[]; next: After | null };
