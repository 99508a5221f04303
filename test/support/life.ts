import type { Call, HttpClient, Written } from './http';

// The usual steps in the life of a version, each as one call.

export const CI: Call = { actor: 'ci', kind: 'service' };
export const REVIEWER: Call = { actor: 'rosa' };
export const RELEASER: Call = { actor: 'bob' };

/** What makes a version: another seed, another digest. */
export const manifest = (seed: unknown) => ({ config: { seed } });
export const registration = (seed: unknown) => ({
  changelog: `made for ${JSON.stringify(seed)}`,
  manifest: manifest(seed),
});
/** Passes its only bound; relative to nothing, so that any version can follow any other. */
export const EVALUATION = {
  suite: 'holdout',
  dataset: { name: 'holdout', size: 12_000 },
  metrics: { f1: 0.912, latency_p95_ms: 41 },
  thresholds: { f1: { min: 0.9 }, latency_p95_ms: { max: 50 } },
};

/** Registers a version and takes it through evaluation and approval: ready to be promoted. Answers its number. */
export async function readyVersion(
  http: HttpClient,
  model: string,
  seed: unknown,
  call: Call = {},
): Promise<number> {
  const { version } = await must(
    http.post(`/v1/models/${model}/versions`, { ...call, ...CI, body: registration(seed) }),
  );
  const path = `/v1/models/${model}/versions/${version.version}`;
  await must(http.post(`${path}/evaluations`, { ...call, ...CI, body: EVALUATION }));
  await must(http.post(`${path}/approvals`, { ...call, ...REVIEWER, body: { decision: 'approve' } }));
  return version.version;
}

/** Promotes a version; answers what the service said. */
export function promote(http: HttpClient, model: string, version: number, call: Call = {}) {
  return http.post(`/v1/models/${model}/versions/${version}/promotion`, { ...RELEASER, ...call, body: {} });
}

/** The body of a success; anything else is an error that says what came instead. */
export async function must(answer: Promise<{ status: number; body: Written }>): Promise<Written> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}
