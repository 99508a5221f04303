import type { Context } from './commands';
import type { Baseline, Ref } from './events';
import type { Bench } from './gates';
import { liveVersion } from './pointer';
import type { ModelState, OnTable, Version } from './state';

/** By what a version is judged now. */
export function benchOf(state: ModelState, version: Version, { policy, now }: Context): Bench {
  return { policy, now, live: (suite) => liveOnSuite(state, version, suite) };
}

/** The live version's evaluation on a suite, to compare another version's with. */
export function liveOnSuite(
  state: ModelState,
  version: Version,
  suite: string,
): (OnTable & { version: number; baseline: Baseline }) | { why: string } {
  const live = state.versions[(liveVersion(state.pointer) ?? 0) - 1];
  if (!live) return { why: 'nothing is live to compare with' };
  if (live === version) return { why: 'this version is live itself' };
  const onTable = live.table.get(suite);
  if (!onTable) return { why: `version ${live.version}, which is live, was not evaluated on this suite` };
  return {
    ...onTable,
    version: live.version,
    baseline: { version: live.version, revision: String(onTable.revision) },
  };
}

/** A version by number and digest. */
export function refTo(state: ModelState, number: number | null): Ref | undefined {
  const version = number === null ? undefined : state.versions[number - 1];
  return version && { version: version.version, digest: version.digest };
}
