import type { Release } from './releases';

// From a published release to what Gatehouse is told about it. Accuracies were percentages up to 2.x and are
// fractions since 3.0, some under other names: two suites, so that a change of scale is not taken for a regression.
const PERCENTAGES = { suite: 'published-2.x', point: 1, bounded: ['ents_f', 'las', 'uas', 'tags_acc'] };
const FRACTIONS = {
  suite: 'published-3.x',
  point: 0.01,
  bounded: ['ents_f', 'dep_las', 'dep_uas', 'tag_acc'],
};

const scaleOf = (release: Release) => (Number.parseInt(release.version, 10) < 3 ? PERCENTAGES : FRACTIONS);

/** Alphas are for trying out; they never go live. */
export const isAlpha = (release: Release): boolean => release.version.includes('a');

/** The body of `POST /v1/models/{model}/versions`: the label, and the whole record but its metrics as what it is made of. */
export function registration(release: Release) {
  const { metrics: _measured, ...config } = release;
  return {
    label: release.version,
    changelog: `Release ${release.version}, published on ${release.released.slice(0, 10)}.`,
    manifest: {
      config,
      ...(release.codeRevision === null ? {} : { code: { revision: release.codeRevision } }),
      datasets: release.sources.map(({ name, url, license }) => ({
        name,
        role: 'training',
        source: url,
        license,
      })),
    },
  };
}

/** The body of `POST …/evaluations`, or null for a release that was published without metrics. */
export function evaluation(release: Release) {
  if (Object.keys(release.metrics).length === 0) return null;
  const { suite, point, bounded } = scaleOf(release);
  const judged = bounded.filter((metric) => metric in release.metrics);
  return {
    suite,
    dataset: { name: suite },
    metrics: release.metrics,
    thresholds: Object.fromEntries(
      judged.map((metric) => [metric, { maxRegression: point, better: 'higher' }]),
    ),
  };
}

/** A day some days from now, in UTC. */
export function dayFromNow(days: number, now = Date.now()): string {
  return new Date(now + days * 86_400_000).toISOString().slice(0, 10);
}
