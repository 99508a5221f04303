import type {
  Bound,
  BreakGlassReviewed,
  Decided,
  Deprecated,
  Evaluated,
  Fact,
  Promoted,
  Registered,
  RolledBack,
} from './events';
import type { Comparison } from './gate';
import { keyOf, type Deed } from './makers';
import { liveVersion, movePointer, noPointer, type Pointer } from './pointer';

export type Stage = 'DEV' | 'STAGING' | 'PROD' | 'DEPRECATED';

/** The latest evaluation of one suite, as far as later decisions need it. */
export type OnTable = {
  readonly id: string;
  readonly revision: bigint;
  readonly metrics: { readonly [metric: string]: number };
  readonly thresholds: { readonly [metric: string]: Bound };
  /** What its bounds relative to live were judged against: of the live version only the metrics that they name. */
  readonly live: Comparison;
  readonly passed: boolean;
  readonly at: string;
};

/** Why a decision no longer counts; the first cause stays. */
export type Void = 'new-evaluation' | 'rejected' | 'rolled-back';

/** A reviewer's latest decision; it counts while it is not void. */
export type Decision = {
  readonly decision: 'approve' | 'reject';
  readonly evaluated: string;
  readonly revision: bigint;
  readonly at: string;
  /** Held by the reviewer when they decided. */
  readonly capacities: readonly string[];
  /** That made them a reviewer then. */
  readonly groups?: readonly string[];
  /** The key that they decided with, if it was one. */
  readonly key: string | null;
  void: Void | null;
};

export type Version = {
  readonly version: number;
  readonly digest: string;
  readonly label: string | null;
  readonly registrar: string;
  /** The key that it was registered with, if it was one. */
  readonly registeredWith: string | null;
  readonly author: string | null;
  readonly registered: bigint;
  stage: Stage;
  evaluated: string;
  table: Map<string, OnTable>;
  decisions: Map<string, Decision>;
  everLive: boolean;
  /** A rollback left it, and it has not been live since. */
  left: boolean;
  /** Since when it has been cleared for staging; a rollback begins it anew. */
  stagedAt: string | null;
  /** Its promotions by break-glass that nobody has reviewed, oldest first. */
  unreviewed: (Deed & { readonly promotion: string })[];
  reviewed: { readonly by: string; readonly verdict: BreakGlassReviewed['verdict'] } | null;
  deprecation: { readonly sunset: string; readonly successor: number | null } | null;
};

/** What decisions on one model need to know: facts, never manifests. */
export type ModelState = {
  /** Version n stands at n − 1. */
  versions: Version[];
  byDigest: Map<string, Version>;
  byLabel: Map<string, Version>;
  pointer: Pointer;
  lastMove: Fact<Moved> | null;
  /** About how much memory it takes. */
  bytes: number;
};

export type Moved =
  | { readonly type: 'model.Promoted'; readonly data: Promoted }
  | { readonly type: 'model.RolledBack'; readonly data: RolledBack };

/** `evaluated` of a version with nothing on the table: the digest of `[]`. */
export const NOTHING_EVALUATED = 'sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945';

export function noModel(): ModelState {
  return {
    versions: [],
    byDigest: new Map(),
    byLabel: new Map(),
    pointer: noPointer(),
    lastMove: null,
    bytes: 500,
  };
}

/** Folds a fact into the state, in place. It asks no permission: what is recorded happened. */
export function evolve(state: ModelState, fact: Fact): void {
  switch (fact.type) {
    case 'model.Registered':
      return register(state, fact.data, fact);
    case 'model.Evaluated':
      return evaluate(state, fact.data, fact);
    case 'model.Approved':
      return decided(state, fact.data, fact, 'approve');
    case 'model.Rejected':
      return decided(state, fact.data, fact, 'reject');
    case 'model.Promoted':
      return promote(state, fact.data, fact);
    case 'model.RolledBack':
      return rollBack(state, fact.data, fact);
    case 'model.Deprecated':
      return deprecate(state, fact.data, fact);
    case 'model.BreakGlassReviewed':
      return reviewed(state, fact.data, fact);
  }
}

export function isLive(state: ModelState, version: Version): boolean {
  return liveVersion(state.pointer) === version.version;
}

function register(state: ModelState, data: Registered, fact: Fact): void {
  const version: Version = {
    version: data.version,
    digest: data.digest,
    label: data.label ?? null,
    registrar: fact.meta.actor.id,
    registeredWith: keyOf(fact.meta),
    author: data.author ?? null,
    registered: fact.revision,
    stage: 'DEV',
    evaluated: NOTHING_EVALUATED,
    table: new Map(),
    decisions: new Map(),
    everLive: false,
    left: false,
    stagedAt: null,
    unreviewed: [],
    reviewed: null,
    deprecation: null,
  };
  state.versions[data.version - 1] = version;
  state.byDigest.set(version.digest, version);
  if (version.label !== null) state.byLabel.set(version.label, version);
  state.bytes += 1_000;
}

function evaluate(state: ModelState, data: Evaluated, fact: Fact): void {
  const version = state.versions[data.version - 1];
  if (!version) return;
  const { metrics, thresholds, passed } = data;
  const before = version.table.get(data.suite);
  const entry = {
    id: fact.id,
    revision: fact.revision,
    metrics,
    thresholds,
    live: comparedWith(data),
    passed,
    at: fact.meta.time,
  };
  version.table.set(data.suite, entry);
  version.evaluated = data.evaluated;
  if (data.movedTo) {
    version.stage = data.movedTo;
    version.stagedAt = fact.meta.time;
  }
  if (!isLive(state, version)) voidStale(version);
  state.bytes += tableBytes(entry) - (before ? tableBytes(before) : 0);
}

/** From the verdicts back to what they were judged against: the rules themselves would take ten times the memory. */
function comparedWith({ thresholds, deltas, baseline, rules }: Evaluated): Comparison {
  if (!baseline)
    return {
      why: rules.find(({ observed, verdict }) => observed === null && verdict === 'pass')?.because ?? '',
    };
  const named = Object.entries(deltas).filter(([metric]) => thresholds[metric]?.maxRegression !== undefined);
  return {
    version: baseline.version,
    metrics: Object.fromEntries(named.map(([metric, { live }]) => [metric, live])),
  };
}

function tableBytes({ metrics, thresholds }: OnTable): number {
  return 400 + 50 * Object.keys(metrics).length + 200 * Object.keys(thresholds).length;
}

function decided(state: ModelState, data: Decided, fact: Fact, decision: Decision['decision']): void {
  const version = state.versions[data.version - 1];
  if (!version) return;
  if (decision === 'reject') voidApprovals(version, 'rejected');
  const { evaluated } = data;
  if (!version.decisions.has(fact.meta.actor.id)) state.bytes += 300;
  version.decisions.set(fact.meta.actor.id, {
    decision,
    evaluated,
    revision: fact.revision,
    at: fact.meta.time,
    capacities: data.capacities ?? [],
    ...(data.groups && { groups: data.groups }),
    key: keyOf(fact.meta),
    void: null,
  });
}

function promote(state: ModelState, data: Promoted, fact: Fact<Moved>): void {
  const previous = state.versions[(liveVersion(state.pointer) ?? 0) - 1];
  moved(state, fact);
  if (previous) voidStale(previous);
  const version = state.versions[data.version - 1];
  if (!version) return;
  version.stage = 'PROD';
  version.everLive = true;
  version.left = false;
  if (!data.breakGlass) return;
  const { meta, revision } = fact;
  version.unreviewed.push({ promotion: String(revision), by: meta.actor.id, key: keyOf(meta) });
  version.reviewed = null;
  state.bytes += 100;
}

function rollBack(state: ModelState, data: RolledBack, fact: Fact<Moved>): void {
  moved(state, fact);
  const left = state.versions[data.from.version - 1];
  if (left) {
    left.stage = 'STAGING';
    left.stagedAt = fact.meta.time;
    left.left = true;
    voidApprovals(left, 'rolled-back');
    voidStale(left);
  }
}

function moved(state: ModelState, fact: Fact<Moved>): void {
  movePointer(state.pointer, fact);
  const { id, revision, position, meta } = fact;
  const where = { id, revision, position, meta };
  state.lastMove =
    fact.type === 'model.Promoted'
      ? { ...where, type: fact.type, data: { ...fact.data, evidence: NO_EVIDENCE } }
      : { ...where, type: fact.type, data: fact.data };
  state.bytes += 100;
}

/** The evidence is for the record; no decision looks at it again, so the state does not hold it. */
const NO_EVIDENCE: Promoted['evidence'] = {
  registered: '',
  evaluations: [],
  approvals: [],
  rules: [],
  deltas: {},
  policy: { name: '', version: 0, digest: '' },
};

function deprecate(state: ModelState, data: Deprecated, fact: Fact): void {
  movePointer(state.pointer, fact);
  const version = state.versions[data.version - 1];
  if (!version) return;
  version.stage = 'DEPRECATED';
  // Final: nothing is judged of it any more, as a candidate or as what is live.
  for (const evaluation of version.table.values()) state.bytes -= tableBytes(evaluation);
  version.table.clear();
  version.deprecation = { sunset: data.sunset, successor: data.successor ?? null };
}

function reviewed(state: ModelState, data: BreakGlassReviewed, fact: Fact): void {
  const version = state.versions[data.version - 1];
  if (!version) return;
  version.unreviewed = version.unreviewed.filter(({ promotion }) => promotion !== data.promotion);
  version.reviewed = { by: fact.meta.actor.id, verdict: data.verdict };
}

function voidApprovals(version: Version, cause: Void): void {
  for (const decision of version.decisions.values())
    if (decision.decision === 'approve') decision.void ??= cause;
}

/** Decisions on other evaluations than those on the table; for the live version that is judged when it stops being live. */
function voidStale(version: Version): void {
  for (const decision of version.decisions.values())
    if (decision.evaluated !== version.evaluated) decision.void ??= 'new-evaluation';
}
