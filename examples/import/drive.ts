import type { Actor, Evaluated, GatehouseClient, Live, Ref, Rule, Written } from './client';
import { dayFromNow, evaluation, isAlpha, registration } from './mapping';
import type { Release } from './releases';

// Three people's work, so three actors: whoever registers a version may not approve it.
const CI: Actor = { id: 'ci', kind: 'service', roles: ['registrar', 'evaluator'] };
const REVIEWER: Actor = { id: 'reviewer', kind: 'user', roles: ['reviewer'] };
const RELEASER: Actor = { id: 'releaser', kind: 'user', roles: ['releaser', 'operator'] };
const SUNSET_DAYS = 90;

/** A rule that failed, with what it compared. */
export type FailedRule = Rule & { live: number | null; value: number | null; delta: number | null };
/** A release that the gate held back, and the live version it was compared with. */
export type Held = { model: string; label: string; live: string | null; rules: FailedRule[] };
export type Named = { model: string; label: string };
/** What became of the releases, as the service answered. */
export type Outcome = { releases: number; promoted: Named[]; held: Held[]; unjudged: Named[] };

/** Takes the releases through their life, one after the other. Sent again, every step answers what it answered first. */
export async function drive(
  api: GatehouseClient,
  releases: readonly Release[],
  tell: (done: number, release: Release) => void,
): Promise<Outcome> {
  const outcome: Outcome = { releases: releases.length, promoted: [], held: [], unjudged: [] };
  const labels = new Map<string, string>();
  for (const [index, release] of releases.entries()) {
    await one(api, release, labels, outcome);
    tell(index + 1, release);
  }
  return outcome;
}

async function one(
  api: GatehouseClient,
  release: Release,
  labels: Map<string, string>,
  outcome: Outcome,
): Promise<void> {
  const { model, version: label } = release;
  const { version } = await api.post(
    `/v1/models/${model}/versions`,
    CI,
    `register:${label}`,
    registration(release),
  );
  labels.set(`${model} ${version.version}`, label);

  const path = `/v1/models/${model}/versions/${version.version}`;
  const measured = evaluation(release);
  if (measured === null) return void outcome.unjudged.push({ model, label });
  const evaluated = await api.post<Evaluated>(`${path}/evaluations`, CI, `evaluate:${label}`, measured);

  // What the gate said is in the event: the importer reads the verdicts, it does not compute them.
  const { data } = evaluated.event!;
  const failed = data.rules.filter((rule) => rule.verdict === 'fail');
  if (failed.length > 0) {
    const live =
      data.baseline === undefined ? null : (labels.get(`${model} ${data.baseline.version}`) ?? null);
    outcome.held.push({ model, label, live, rules: failed.map((rule) => withValues(rule, data)) });
  } else if (data.movedTo !== 'STAGING') outcome.unjudged.push({ model, label });
  else if (!isAlpha(release)) {
    await goLive(api, path, release);
    outcome.promoted.push({ model, label });
  }
}

function withValues(rule: Rule, { metrics, deltas }: Evaluated): FailedRule {
  const name = rule.metric ?? '';
  return {
    ...rule,
    live: deltas[name]?.live ?? null,
    value: metrics[name] ?? null,
    delta: deltas[name]?.delta ?? null,
  };
}

async function goLive(api: GatehouseClient, path: string, { model, version: label }: Release): Promise<void> {
  const approved = await api.post(`${path}/approvals`, REVIEWER, `approve:${label}`, { decision: 'approve' });
  const promoted = await api.post(
    `${path}/promotion`,
    RELEASER,
    `promote:${label}`,
    {},
    approved.live.revision,
  );
  await deprecateFormer(api, model, promoted);
}

/** Of what was live once, only the live version and the one to roll back to are kept; a deprecation that stands is left alone. */
async function deprecateFormer(
  api: GatehouseClient,
  model: string,
  { live, position }: Written,
): Promise<void> {
  const once = await api.list<Ref>(`/v1/models/${model}/versions?stage=PROD`, position);
  for (const { version, label } of once.filter((former) => !isKept(live, former.version))) {
    const body = { sunset: dayFromNow(SUNSET_DAYS), note: 'No longer the version to roll back to.' };
    await api.post(
      `/v1/models/${model}/versions/${version}/deprecation`,
      RELEASER,
      `deprecate:${label ?? version}`,
      body,
    );
  }
}

const isKept = (live: Live, version: number) =>
  version === live.current?.version || version === live.rollbackTarget?.version;
