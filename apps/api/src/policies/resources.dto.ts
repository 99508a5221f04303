import { ApiProperty } from '@nestjs/swagger';
import type {
  Activation,
  Gates,
  MissingApproval,
  PolicyDocument,
  RejectionCode,
  Trial,
} from '@gatehouse/domain';
import type { CaseResult, Change } from '@gatehouse/policy';
import type { Unreviewed } from '@gatehouse/projections';
import { PolicyRefDto, RuleDto } from '../reads/evidence.dto';
import { ActorDto, EventDto } from '../reads/resources.dto';
import type { BacktestLine, Counts } from './backtest';
import type { PolicyAnswer, PolicyResource } from './on-policies';
import type { PolicySummary } from './resources';

// What is answered about policies, as classes: OpenAPI is generated from them. Each implements the type that is answered
// with, so drift does not compile.

export class PolicySummaryDto implements PolicySummary {
  policy: string;
  /** How many. */
  versions: number;
  /** The number of the version in force; null: none. */
  active: number | null;
  /** What the version in force governs. */
  models: string[];
}

export class PolicyShortDto implements Omit<PolicyResource, 'document'> {
  policy: string;
  version: number;
  /** Of the canonical document. */
  digest: string;
  /** Whether it is in force. */
  active: boolean;
  models: string[];
  publishedAt: string | null;
  publishedBy: ActorDto | null;
  activatedAt: string | null;
  activatedBy: ActorDto | null;
}

export class PolicyDto extends PolicyShortDto implements PolicyResource {
  /** As it was published; `/v1/policy.schema.json` says what is in it. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  document: PolicyDocument;
}

export class PolicyListDto {
  items: PolicySummaryDto[];
  next: string | null;
}

export class ActivationDto implements Activation {
  version: number;
  at: string;
  by: ActorDto;
  /** The version that was in force before; null: none. */
  replaces: number | null;
}

export class PolicyVersionsDto extends PolicySummaryDto {
  /** The last hundred, newest first. */
  activations: ActivationDto[];
  /** Newest first. */
  items: PolicyShortDto[];
  next: string | null;
}

export class PolicyAnswerDto implements PolicyAnswer {
  /** False: it was so already, and nothing was appended. */
  changed: boolean;
  position: string;
  policy: PolicyDto;
  /** What was recorded; null when nothing changed. */
  event: EventDto | null;
}

export class ChangeDto implements Change {
  /** JSON pointer. */
  pointer: string;
  /** Absent: it was not there. */
  before?: unknown;
  /** Absent: it is not there any more. */
  after?: unknown;
}

export class PolicyDiffDto {
  policy: string;
  from: number;
  to: number;
  changes: ChangeDto[];
}

export class MissingApprovalDto implements MissingApproval {
  /** In words. */
  needed: string;
  /** Whose rejection stands. */
  by?: string;
  count?: number;
  capacity?: string;
}

export class GatesDto implements Gates {
  policy: PolicyRefDto;
  /** What is asked of the registration. */
  register: RuleDto[];
  /** The staging gate, by the verdicts that were stored. */
  staging: RuleDto[];
  /** What is asked of a promotion, judged against what is live now. */
  production: RuleDto[];
  approvals: RuleDto[];
  missing: MissingApprovalDto[];
}

export class TrialDto extends GatesDto implements Trial {
  /** Whether it would go through, or is so already. */
  allowed: boolean;
  /** Whether something would be recorded. */
  changes: boolean;
  /** What it would be refused with. */
  @ApiProperty({ type: 'string', nullable: true })
  code: RejectionCode | null;
  detail: string | null;
}

export class DifferenceDto {
  what: string;
  expected: unknown;
  got: unknown;
}

export class CaseResultDto implements CaseResult {
  name: string;
  passed: boolean;
  /** `promoted`, or the code of the refusal. */
  outcome: string;
  differences: DifferenceDto[];
  rules: RuleDto[];
}

export class CaseResultsDto {
  passed: number;
  failed: number;
  items: CaseResultDto[];
}

/** Of a backtest: a promotion that would have been refused. */
export class RefusedDto implements Extract<BacktestLine, { type: 'refused' }> {
  @ApiProperty({ enum: ['refused'] })
  type: 'refused';
  model: string;
  version: number;
  position: string;
  time: string;
  /** What it would have been refused with. */
  code: string;
  detail: string;
  /** The rules that did not pass. */
  @ApiProperty({ type: () => [RuleDto] })
  gate: readonly RuleDto[];
  @ApiProperty({ type: () => [MissingApprovalDto] })
  missing: readonly MissingApprovalDto[];
}

/** Of a backtest: how far it is, and the end. */
export class BacktestCountsDto implements Counts {
  type: 'progress' | 'done';
  models: number;
  promotions: number;
  refused: number;
  events: number;
}

export class UnreviewedDto implements Unreviewed {
  model: string;
  version: number;
  digest: string;
  at: string;
  by: ActorDto;
  note: string | null;
  /** The revision of the promotion in the model's stream. */
  promotion: string;
  reason: string;
  /** Until when a second person should have reviewed it. */
  reviewBy: string | null;
}

export class UnreviewedListDto {
  items: UnreviewedDto[];
  next: string | null;
}
