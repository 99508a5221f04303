import {
  toStruct,
  toValue,
  type Evaluation,
  type Manifest,
  type ModelSummary,
  type Unreviewed as UnreviewedMessage,
  type Version,
} from '@gatehouse/contracts';
import type {
  EvaluationView,
  ModelSummary as ModelResource,
  Unreviewed,
  VersionResource,
  VersionSummary,
} from '@gatehouse/projections';
import { ruleMessage } from '../messages';
import { present } from '../present';

export function modelMessage({ current, ...model }: ModelResource): ModelSummary {
  return { ...model, current: current ? present(current) : undefined };
}

/** A version as a list or as `GetVersion` has it: a summary has neither manifest nor evidence. */
export function versionMessage(version: VersionSummary | VersionResource): Version {
  const { label, author, evaluations, approvals, promotion, rolledBack, deprecation, breakGlass, ...rest } =
    version;
  return {
    ...rest,
    label: label ?? undefined,
    author: author ?? undefined,
    manifest: 'manifest' in version ? manifestMessage(version.manifest) : undefined,
    evaluations: evaluations.map(evaluationMessage),
    approvals: approvals.map(({ comment, void: lost, ...approval }) => ({
      ...approval,
      comment: comment ?? undefined,
      void: lost ?? undefined,
    })),
    promotion: promotion ? promotionMessage(promotion) : undefined,
    rolledBack: rolledBack ?? undefined,
    deprecation: deprecation ? { ...deprecation, successor: deprecation.successor ?? undefined } : undefined,
    breakGlass: (breakGlass ?? []).map(({ review, ...glass }) => ({
      ...present(glass),
      review: review ? present(review) : undefined,
    })),
  };
}

export function unreviewedMessage({ model, version, digest, ...promotion }: Unreviewed): UnreviewedMessage {
  return { model, version, digest, promotion: present(promotion) };
}

function evaluationMessage({ report, baseline, gate, ...evaluation }: EvaluationView): Evaluation {
  return {
    ...evaluation,
    report: report ?? undefined,
    baseline: baseline ?? undefined,
    gate: gate.map(ruleMessage),
  };
}

type Promoted = NonNullable<VersionSummary['promotion'] | VersionResource['promotion']>;

function promotionMessage(promotion: Promoted): Version['promotion'] {
  const { at, by, note } = promotion;
  const evidence = 'evidence' in promotion ? toStruct(promotion.evidence as object) : undefined;
  return { at, by, note: note ?? undefined, evidence };
}

/** Free JSON travels as a Value; the rest is what it says. */
function manifestMessage(manifest: VersionResource['manifest']): Manifest {
  const message: Record<string, unknown> = { ...manifest };
  for (const member of ['config', 'prompt', 'retrieval'])
    if (message[member] !== undefined) message[member] = toValue(message[member]);
  return message;
}
