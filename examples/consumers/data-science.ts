import { named, type BreakGlass, type Opening, type VersionName } from './channel';

type Rule = { rule: string; verdict: 'pass' | 'fail' | 'inconclusive'; observed?: unknown };
type Deltas = { [metric: string]: { live: number; delta: number } };
type Metrics = { [metric: string]: number };

type Promoted = Opening<'promoted'> & {
  version: VersionName;
  suites: { suite: string; metrics: Metrics }[];
  deltas: { [suite: string]: Deltas };
  datasets: { name: string; role?: string }[];
  breakGlass: BreakGlass;
};
type HeldBack = Opening<'held-back'> & {
  version: VersionName;
  suite: string;
  metrics: Metrics;
  deltas: Deltas;
  gate: Rule[];
};
type RolledBack = Opening<'rolled-back'> & { from: VersionName; to: VersionName | null; reason: string };
type Deprecated = Opening<'deprecated'> & { version: VersionName; sunset: string };
/** What data science uses of `data-science`. */
export type DataScience = Promoted | HeldBack | RolledBack | Deprecated;

/** How versions measured against what was live, and what the gates said. */
export function dataScience(told: DataScience): string[] {
  switch (told.event) {
    case 'promoted':
      return [
        `${told.model}: ${named(told.version)} passed and is live${told.breakGlass === null ? '' : ', by break-glass'}`,
        ...told.suites.flatMap(({ suite, metrics }) => measured(suite, metrics, told.deltas[suite] ?? {})),
        ...told.datasets.map(({ name, role }) => `  ${role ?? 'dataset'}: ${name}`),
      ];
    case 'held-back':
      return [
        `${told.model}: ${named(told.version)} was held back`,
        ...told.gate
          .filter(({ verdict }) => verdict !== 'pass')
          .map(
            ({ rule, verdict, observed }) => `  ${verdict}: ${rule}, observed ${JSON.stringify(observed)}`,
          ),
        ...measured(told.suite, told.metrics, told.deltas),
      ];
    case 'rolled-back':
      return [
        `${told.model}: ${named(told.from)} was taken back (${told.reason}), ${told.to === null ? 'nothing' : named(told.to)} is live`,
      ];
    case 'deprecated':
      return [`${told.model}: ${named(told.version)} ends on ${told.sunset}`];
    default:
      return [];
  }
}

function measured(suite: string, metrics: Metrics, deltas: Deltas): string[] {
  const one = ([metric, value]: [string, number]) => {
    const against = deltas[metric];
    return against === undefined ? `${metric} ${value}` : `${metric} ${value} (live ${against.live})`;
  };
  return [`  ${suite}: ${Object.entries(metrics).map(one).join(', ')}`];
}
