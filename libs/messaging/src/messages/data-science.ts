import type {
  Baseline,
  Bound,
  Dataset,
  Deltas,
  ManifestDataset,
  PolicyRef,
  ReasonCode,
  Ref,
  Rule,
} from '@gatehouse/domain';
import {
  breakGlassOf,
  deprecation,
  is,
  nameOf,
  opening,
  type BreakGlass,
  type Deprecation,
  type Opening,
  type Told,
  type ToldOf,
  type VersionName,
} from './told';

/** What `data-science` carries: how versions measured, and what the gates said. */
export type DataScience = Promotion | Rollback | Deprecation | HeldBack;

type Suite = {
  readonly suite: string;
  readonly at: string;
  readonly dataset: Dataset;
  readonly metrics: { readonly [metric: string]: number };
  readonly thresholds: { readonly [metric: string]: Bound };
  readonly passed: boolean;
  readonly report: { readonly uri: string; readonly digest?: string } | null;
};
type Promotion = Opening<'promoted'> & {
  readonly version: VersionName;
  readonly previous: VersionName | null;
  readonly suites: readonly Suite[];
  /** By suite: against the version that was live. */
  readonly deltas: { readonly [suite: string]: Deltas };
  readonly baseline: Ref | null;
  readonly gate: readonly Rule[];
  /** What it was trained and tested on. */
  readonly datasets: readonly ManifestDataset[];
  readonly policy: PolicyRef;
  readonly breakGlass: BreakGlass | null;
  readonly note: string | null;
};
type Rollback = Opening<'rolled-back'> & {
  readonly from: VersionName;
  readonly to: VersionName | null;
  readonly reason: ReasonCode;
  readonly note: string | null;
};
type HeldBack = Opening<'held-back'> &
  Suite & {
    readonly version: VersionName;
    readonly deltas: Deltas;
    readonly baseline: Baseline | null;
    readonly gate: readonly Rule[];
    readonly policy: PolicyRef;
  };

export function dataScience(told: Told): DataScience {
  if (is(told, 'model.Promoted')) return promotion(told);
  if (is(told, 'model.RolledBack')) return rollback(told);
  if (is(told, 'model.Deprecated')) return deprecation(told);
  return heldBack(told);
}

function promotion({ fact, version, previous, evaluations }: ToldOf<'model.Promoted'>): Promotion {
  const { data } = fact;
  return {
    ...opening('promoted', fact),
    version: nameOf(data, version),
    previous: data.previous ? nameOf(data.previous, previous) : null,
    suites: evaluations.map(suiteOf),
    deltas: data.evidence.deltas,
    baseline: data.evidence.baseline ?? null,
    gate: data.evidence.rules,
    datasets: version?.data.manifest.datasets ?? [],
    policy: data.evidence.policy,
    breakGlass: breakGlassOf(fact),
    note: data.note ?? null,
  };
}

function rollback({ fact, from, to }: ToldOf<'model.RolledBack'>): Rollback {
  const { data } = fact;
  return {
    ...opening('rolled-back', fact),
    from: nameOf(data.from, from),
    to: data.to ? nameOf(data.to, to) : null,
    reason: data.reason,
    note: data.note ?? null,
  };
}

function heldBack({ fact, version }: ToldOf<'model.Evaluated'>): HeldBack {
  const { data } = fact;
  return {
    ...opening('held-back', fact),
    version: nameOf(data, version),
    ...suiteOf(fact),
    deltas: data.deltas,
    baseline: data.baseline ?? null,
    gate: data.rules,
    policy: data.policy,
  };
}

function suiteOf({ data, meta }: ToldOf<'model.Evaluated'>['fact']): Suite {
  const { suite, dataset, metrics, thresholds, passed, report = null } = data;
  return { suite, at: meta.time, dataset, metrics, thresholds, passed, report };
}
