import { createHash } from 'node:crypto';
import type { Actor, Deltas, Meta, ModelEvent } from '@gatehouse/domain';
import type { NewEvent } from '@gatehouse/eventsourcing';

/** Events of a usual size that are made fast, for measuring: nobody judged them, but they could all have been. */
export const STEPS = ['register', 'evaluate', 'approve', 'promote'] as const;

const CI: Actor = { id: 'ci', kind: 'service' };
const ROSA: Actor = { id: 'rosa', kind: 'user' };
const BOB: Actor = { id: 'bob', kind: 'user' };
const START = Date.parse('2026-01-01T00:00:00.000Z');
const policy = { name: 'built-in', version: 1, digest: digestOf('policy') };

export function digestOf(seed: string): string {
  return `sha256:${createHash('sha256').update(seed).digest('hex')}`;
}

/** Step `step` of the `version`-th cycle of a model; `at` counts seconds. */
export function cycleEvent(
  tenant: string,
  model: string,
  version: number,
  step: number,
  at: number,
): NewEvent {
  const ref = { version, digest: digestOf(`${model}/${version}`) };
  const event = eventOf(step % STEPS.length, ref, model);
  const hash = digestOf(`${tenant}/${model}/${version}/${step}`).slice(7);
  const id = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  const meta: Meta = {
    id,
    time: new Date(START + at * 1000).toISOString(),
    tenant,
    model,
    actor: [CI, CI, ROSA, BOB][step % STEPS.length]!,
    auth: { method: 'header' },
    command: { id: hash.slice(32), key: hash.slice(0, 32), fingerprint: hash.slice(0, 43) },
    correlation: hash.slice(32, 48),
    schema: 1,
  };
  return {
    id,
    type: event.type,
    data: event.data,
    meta,
  };
}

function eventOf(step: number, ref: { version: number; digest: string }, model: string): ModelEvent {
  const { version } = ref;
  const suite = 'holdout-2026-02';
  const evaluated = digestOf(`evaluated ${version}`);
  const f1 = 0.9 + (version % 90) / 1000;
  const rules = [
    { rule: 'f1 >= 0.9', metric: 'f1', required: 0.9, observed: f1, verdict: 'pass' as const },
    {
      rule: 'latency_p95_ms <= 50',
      metric: 'latency_p95_ms',
      required: 50,
      observed: 41,
      verdict: 'pass' as const,
    },
  ];
  const previous =
    version > 1 ? { version: version - 1, digest: digestOf(`${model}/${version - 1}`) } : undefined;
  const deltas: Deltas = previous
    ? { f1: { live: 0.905, delta: 0.007 }, latency_p95_ms: { live: 40, delta: 1 } }
    : {};
  switch (step) {
    case 0:
      return {
        type: 'model.Registered',
        data: {
          ...ref,
          label: `1.${version}.0`,
          changelog: 'Retrained on the February corpus: better recall on short texts.',
          author: 'dana',
          manifest: {
            artifacts: [
              {
                name: 'weights',
                uri: `s3://models/${model}/${version}.bin`,
                digest: ref.digest,
                bytes: 41213,
              },
            ],
            code: { repository: 'https://git.example/fraud', revision: '9f2c1e7' },
            config: { threshold: 0.62 },
          },
        },
      };
    case 1:
      return {
        type: 'model.Evaluated',
        data: {
          ...ref,
          evaluated,
          suite,
          dataset: { name: suite, size: 12000 },
          metrics: { f1, latency_p95_ms: 41 },
          thresholds: { f1: { min: 0.9 }, latency_p95_ms: { max: 50 } },
          ...(previous && { baseline: { version: previous.version, revision: String(version * 4 - 7) } }),
          deltas,
          rules,
          passed: true,
          movedTo: 'STAGING',
          policy,
        },
      };
    case 2:
      return { type: 'model.Approved', data: { ...ref, evaluated, comment: 'Looks good.', policy } };
    default:
      return {
        type: 'model.Promoted',
        data: {
          ...ref,
          ...(previous && { previous }),
          pointer: version,
          note: 'weekly release',
          evidence: {
            registered: String(version * 4 - 4),
            evaluations: [String(version * 4 - 3)],
            approvals: [String(version * 4 - 2)],
            rules,
            ...(previous && { baseline: previous }),
            deltas: { [suite]: deltas },
            policy,
          },
        },
      };
  }
}
