import type { Approve, Context, Evaluate, VersionRef } from './commands';
import { sameHand, type Acting, type Deed } from './makers';
import { liveVersion } from './pointer';
import { Rejected, tooMany } from './rejections';
import type { ModelState, Version } from './state';

/** The most that may lie on the table of one version. `bounds`: with those of the policy that judges it. */
export const LIMITS = { metrics: 1_000, bounds: 1_000, suites: 50, reviewers: 100 } as const;

export function existing(state: ModelState, ref: VersionRef): Version {
  if (state.versions.length === 0)
    throw new Rejected(
      'model-unknown',
      'There is no model of this name; registering its first version makes it.',
    );
  return named(state, ref);
}

export function named(state: ModelState, ref: VersionRef): Version {
  const version = typeof ref === 'number' ? state.versions[ref - 1] : state.byDigest.get(ref);
  if (!version)
    throw new Rejected(
      'version-unknown',
      `The model has no version ${ref}; it has ${state.versions.length} so far.`,
    );
  return version;
}

export function expectPointer(state: ModelState, expected: number | undefined): void {
  if (expected === undefined || expected === state.pointer.revision) return;
  throw pointerMoved(
    `The pointer is at revision ${state.pointer.revision}, not ${expected}`,
    liveVersion(state.pointer),
  );
}

export function pointerMoved(what: string, live: number | null): Rejected {
  const now = live === null ? 'nothing is live' : `version ${live} is live`;
  return new Rejected('pointer-moved', `${what}: ${now}. Look at what is live and decide again.`);
}

export function refuseDeprecated(version: Version): void {
  if (version.stage === 'DEPRECATED')
    throw new Rejected('is-deprecated', `Version ${version.version} is deprecated, which is final.`);
}

/** More would not fit into the one event that freezes the evidence of a promotion; whether this does is judged there. */
export function refuseTooMany(version: Version, data: Evaluate): void {
  const others = [...version.table]
    .filter(([suite]) => suite !== data.suite)
    .map(([, evaluation]) => evaluation);
  if (others.length >= LIMITS.suites)
    throw tooMany(
      '/suite',
      `version ${version.version} has evaluations of ${LIMITS.suites} suites, which is the most`,
    );
  const table = [data, ...others];
  const metrics = table.reduce((sum, evaluation) => sum + Object.keys(evaluation.metrics).length, 0);
  if (metrics > LIMITS.metrics)
    throw tooMany(
      '/metrics',
      `version ${version.version} would have ${metrics} metrics on the table; the most is ${LIMITS.metrics}`,
    );
  const bounds = table.reduce((sum, { thresholds }) => sum + boundsIn(thresholds), 0);
  if (bounds > LIMITS.bounds)
    throw tooMany(
      '/thresholds',
      `version ${version.version} would have ${bounds} bounds on the table; the most is ${LIMITS.bounds}`,
    );
}

/** Each of `min`, `max` and `maxRegression` is one. */
export function boundsIn(thresholds: Evaluate['thresholds']): number {
  const limits = Object.values(thresholds).flatMap(({ min, max, maxRegression }) => [
    min,
    max,
    maxRegression,
  ]);
  return limits.filter((limit) => limit !== undefined).length;
}

export function refuseOwn(version: Version, context: Context): void {
  const own = ownHand(version, context);
  if (own !== null) throw new Rejected('own-approval', `${own}; somebody else has to decide on it.`);
  if (context.actor.kind !== 'user')
    throw new Rejected('role-missing', 'A service cannot decide on a version; a person has to.');
}

/** Who did a version's work: registered it, or made it. */
function workOn({ registrar, registeredWith, author }: Version): Deed[] {
  const registered = { by: registrar, key: registeredWith };
  return author === null ? [registered] : [registered, { by: author, key: null }];
}

/** How a version is the own work of who acts now; null: it is not. */
export function ownHand(version: Version, acting: Acting): string | null {
  const { id } = acting.actor;
  for (const deed of workOn(version))
    switch (sameHand(deed, acting)) {
      case 'same actor':
        return `${id} registered or made version ${version.version}`;
      case 'made the key of now':
        return `${deed.by} registered or made version ${version.version}, and the key that this decision came with`;
      case 'made the key of then':
        return `${id} made the key that version ${version.version} was registered with`;
      case null:
    }
  return null;
}

export function refuseOther(version: Version, data: Approve): void {
  if ((data.digest ?? version.digest) !== version.digest)
    throw new Rejected(
      'digest-differs',
      `Version ${version.version} has digest ${version.digest}, not ${data.digest}.`,
    );
  if ((data.evaluated ?? version.evaluated) !== version.evaluated)
    throw new Rejected(
      'digest-differs',
      `The evaluations on the table are ${version.evaluated} by now, not ${data.evaluated}; look at them again.`,
    );
}

export function refuseTarget(state: ModelState, target: Version, from: Version): void {
  refuseDeprecated(target);
  if (target === from)
    throw new Rejected(
      'is-live',
      `Version ${from.version} is the one being left; name another one in \`to\`.`,
    );
  if (!target.everLive)
    throw new Rejected(
      'never-live',
      `Version ${target.version} was never live; a rollback goes to what was. Promote it instead.`,
    );
  if (state.pointer.barred.has(target.version))
    throw new Rejected(
      'no-rollback-target',
      `Version ${target.version} was rolled back itself; name another one in \`to\`.`,
    );
}

/** Break-glass is for whom the policy names, and for nobody where it names none. */
export function refuseGlass({ policy, actor, capacities }: Context): void {
  const capacity = policy.document.breakGlass?.capacity;
  if (capacity === undefined)
    throw new Rejected(
      'role-missing',
      `Policy ${policy.ref.name} has no break-glass; promote it the usual way.`,
    );
  if (!capacities.includes(capacity))
    throw new Rejected(
      'role-missing',
      `Break-glass needs the capacity ${capacity}, which ${actor.id} does not hold.`,
    );
}
