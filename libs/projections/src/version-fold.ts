import {
  NOTHING_EVALUATED,
  type Actor,
  type BreakGlassReviewed,
  type Decided,
  type Deprecated,
  type Evaluated,
  type Fact,
  type Meta,
  type Promoted,
  type Registered,
  type RolledBack,
  type Stage,
  type Void,
} from '@gatehouse/domain';
import type { ApprovalView, EvaluationView, VersionSummary } from './resources';

/** What events change of a version; kept as one JSON text. An approval also knows what it was given on. */
export type Folded = Pick<
  VersionSummary,
  | 'evaluated'
  | 'evaluations'
  | 'evaluationCount'
  | 'promotion'
  | 'rolledBack'
  | 'deprecation'
  | 'breakGlass'
  | 'position'
> & { approvals: (ApprovalView & { evaluated: string })[] };

/** The same while events are folded. An evaluation is text at once: that is far less to keep than its objects. */
type Folding = Omit<Folded, 'evaluations'> & {
  evaluations: { readonly suite: string; readonly text: string }[];
};

export function fromText(text: string): Folding {
  const folded = JSON.parse(text) as Folded;
  const evaluations = folded.evaluations.map((view) => ({ suite: view.suite, text: JSON.stringify(view) }));
  return { ...folded, evaluations };
}

export function toText({ evaluations, ...rest }: Folding): string {
  const texts = evaluations.map(({ text }) => text).join(',');
  return `{"evaluations":[${texts}],${JSON.stringify(rest).slice(1)}`;
}

/** What never changes of a version: there from its registration until its row is written. */
export type Registration = {
  readonly model: number;
  readonly digest: string;
  readonly label: string | null;
  readonly changelog: string;
  readonly author: string | null;
  readonly registered: number;
  readonly by: Actor;
  readonly manifest: string;
};

/** A version while events are folded into it. */
export type VersionDoc = {
  readonly key: number;
  registration: Registration | null;
  stage: Stage;
  readonly folded: Folding;
  /** Of the last promotion, as JSON, until it is written. */
  evidence: string | null;
};

export function registered(key: number, model: number, data: Registered, fact: Fact): VersionDoc {
  return {
    key,
    registration: {
      model,
      digest: data.digest,
      label: data.label ?? null,
      changelog: data.changelog,
      author: data.author ?? null,
      registered: Date.parse(fact.meta.time),
      by: who(fact.meta),
      manifest: JSON.stringify(data.manifest),
    },
    stage: 'DEV',
    folded: {
      evaluated: NOTHING_EVALUATED,
      evaluations: [],
      evaluationCount: 0,
      approvals: [],
      promotion: null,
      rolledBack: null,
      deprecation: null,
      position: String(fact.position),
    },
    evidence: null,
  };
}

/** While a version is live, a new evaluation voids nothing: that is judged when it stops being live. */
export function evaluate(doc: VersionDoc, data: Evaluated, fact: Fact, isLive: boolean): void {
  const { folded } = doc;
  const { evaluations } = folded;
  const at = evaluations.findIndex(({ suite }) => suite >= data.suite);
  const replaces = at >= 0 && evaluations[at]!.suite === data.suite;
  const entry = { suite: data.suite, text: JSON.stringify(evaluation(data, fact.meta)) };
  evaluations.splice(at < 0 ? evaluations.length : at, replaces ? 1 : 0, entry);
  folded.evaluationCount++;
  folded.evaluated = data.evaluated;
  if (data.movedTo) doc.stage = data.movedTo;
  if (!isLive) voidStale(doc);
  folded.position = String(fact.position);
}

function evaluation(data: Evaluated, meta: Meta): EvaluationView {
  return {
    suite: data.suite,
    at: meta.time,
    by: who(meta),
    dataset: data.dataset,
    metrics: data.metrics,
    report: data.report ?? null,
    baseline: data.baseline ? { version: data.baseline.version } : null,
    deltas: data.deltas,
    gate: data.rules,
    passed: data.passed,
  };
}

export function decided(doc: VersionDoc, data: Decided, fact: Fact, decision: 'approve' | 'reject'): void {
  const { folded } = doc;
  if (decision === 'reject') voidApprovals(doc, 'rejected');
  const by = who(fact.meta);
  folded.approvals = folded.approvals.filter((earlier) => earlier.by.id !== by.id);
  folded.approvals.push({
    decision,
    at: fact.meta.time,
    by,
    comment: data.comment ?? null,
    void: null,
    evaluated: data.evaluated,
  });
  folded.position = String(fact.position);
}

export function promoted(doc: VersionDoc, data: Promoted, fact: Fact): void {
  doc.stage = 'PROD';
  const promotion = { at: fact.meta.time, by: who(fact.meta), note: data.note ?? null };
  doc.folded.promotion = promotion;
  if (data.breakGlass) {
    const { reason, reviewBy = null } = data.breakGlass;
    const glass = { ...promotion, promotion: String(fact.revision), reason, reviewBy };
    doc.folded.breakGlass = [...(doc.folded.breakGlass ?? []), { ...glass, review: null }];
  }
  doc.evidence = JSON.stringify(data.evidence);
  doc.folded.rolledBack = null;
  doc.folded.position = String(fact.position);
}

export function reviewed({ folded }: VersionDoc, data: BreakGlassReviewed, fact: Fact): void {
  const { verdict, comment = null } = data;
  const review = { at: fact.meta.time, by: who(fact.meta), verdict, comment };
  folded.breakGlass = folded.breakGlass?.map((glass) =>
    glass.promotion === data.promotion ? { ...glass, review } : glass,
  );
  folded.position = String(fact.position);
}

/** Of how many promotions by break-glass nobody has taken a second look. */
export function unreviewed({ folded }: VersionDoc): number {
  return folded.breakGlass?.filter(({ review }) => review === null).length ?? 0;
}

export function left(doc: VersionDoc, data: RolledBack, fact: Fact): void {
  doc.stage = 'STAGING';
  voidApprovals(doc, 'rolled-back');
  voidStale(doc);
  doc.folded.rolledBack = { at: fact.meta.time, by: who(fact.meta), reason: data.reason };
  doc.folded.position = String(fact.position);
}

export function deprecated(doc: VersionDoc, data: Deprecated, fact: Fact): void {
  doc.stage = 'DEPRECATED';
  doc.folded.deprecation = {
    at: fact.meta.time,
    by: who(fact.meta),
    sunset: data.sunset,
    successor: data.successor ?? null,
  };
  doc.folded.position = String(fact.position);
}

/** Decisions on other evaluations than those on the table now. Answers whether anything changed. */
export function voidStale({ folded }: VersionDoc): boolean {
  return voidWhere(folded, 'new-evaluation', ({ evaluated }) => evaluated !== folded.evaluated);
}

function voidApprovals({ folded }: VersionDoc, cause: Void): void {
  voidWhere(folded, cause, ({ decision }) => decision === 'approve');
}

/** The first cause stays. */
function voidWhere(
  folded: Folding,
  cause: Void,
  which: (approval: Folding['approvals'][number]) => boolean,
): boolean {
  let changed = false;
  for (const approval of folded.approvals)
    if (approval.void === null && which(approval)) {
      approval.void = cause;
      changed = true;
    }
  return changed;
}

export function who({ actor }: Meta): Actor {
  return { id: actor.id, kind: actor.kind };
}
