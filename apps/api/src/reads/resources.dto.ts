import { ApiExtraModels, ApiProperty } from '@nestjs/swagger';
import type {
  ActiveVersion,
  ApprovalView,
  BreakGlassView,
  EvaluationView,
  Live,
  ModelSummary,
  Move,
  MoveEvent,
  PublicEvent,
  VersionName,
  VersionResource,
  VersionSummary,
} from '@gatehouse/projections';
import type { Actor, ReasonCode, Stage, Void } from '@gatehouse/domain';
import { DatasetDto, ReportDto } from '../models/evaluate.dto';
import type { VersionState, WriteAnswer } from '../models/on-model';
import { ManifestDto } from '../models/register.dto';
import { DeltaDto, DELTAS, EvidenceDto, RuleDto } from './evidence.dto';

// What is answered, as classes: OpenAPI is generated from them. Each implements the type that the views answer with, so
// drift does not compile.

export class ActorDto implements Actor {
  /** Opaque; the same person is the same id. */
  id: string;
  kind: 'user' | 'service';
}

export class VersionNameDto implements VersionName {
  version: number;
  /** What production pins. */
  digest: string;
  label: string | null;
}

export class WhyDto {
  event: MoveEvent;
  position: string;
  /** The reason code of a rollback. */
  reason: ReasonCode | null;
  note: string | null;
}

export class LiveDto implements Live {
  model: string;
  /** How often the pointer has moved. */
  revision: number;
  /** What is live; null: nothing. */
  current: VersionNameDto | null;
  /** What was live before the last move. */
  previous: VersionNameDto | null;
  /** Where a rollback would go. */
  rollbackTarget: VersionNameDto | null;
  since: string | null;
  by: ActorDto | null;
  why: WhyDto | null;
}

export class ActiveVersionDto implements ActiveVersion {
  model: string;
  /** Digests. */
  current: string | null;
  previous: string | null;
  rollbackTarget: string | null;
  currentVersion: number | null;
  previousVersion: number | null;
  revision: number;
  since: string | null;
}

export class MoveDto implements Move {
  revision: number;
  at: string;
  by: ActorDto;
  event: MoveEvent;
  from: VersionNameDto | null;
  to: VersionNameDto | null;
  reason: ReasonCode | null;
  note: string | null;
  position: string;
}

export class BaselineDto {
  version: number;
}

@ApiExtraModels(DeltaDto)
export class EvaluationDto implements EvaluationView {
  suite: string;
  at: string;
  by: ActorDto;
  dataset: DatasetDto;
  metrics: EvaluationView['metrics'];
  report: ReportDto | null;
  /** What it was compared with; null: with nothing. */
  baseline: BaselineDto | null;
  /** By metric, where the baseline has it, too. */
  @ApiProperty(DELTAS)
  deltas: EvaluationView['deltas'];
  /** Every rule, with its verdict. */
  // The plugin does not understand readonly arrays.
  @ApiProperty({ type: () => [RuleDto] })
  gate: readonly RuleDto[];
  passed: boolean;
}

export class ApprovalDto implements ApprovalView {
  decision: 'approve' | 'reject';
  at: string;
  by: ActorDto;
  comment: string | null;
  /** Why it no longer counts. */
  void: Void | null;
}

export class PromotionDto {
  at: string;
  by: ActorDto;
  note: string | null;
}

export class PromotionWithEvidenceDto extends PromotionDto {
  @ApiProperty({ type: () => EvidenceDto })
  evidence: NonNullable<VersionResource['promotion']>['evidence'];
}

export class RolledBackDto {
  at: string;
  by: ActorDto;
  reason: ReasonCode;
}

export class DeprecationDto {
  at: string;
  by: ActorDto;
  /** The last day, UTC. */
  sunset: string;
  successor: number | null;
}

export class BreakGlassReviewDto {
  at: string;
  by: ActorDto;
  verdict: 'justified' | 'not-justified';
  comment: string | null;
}

/** A promotion that skipped approvals, soak and freeze. */
export class BreakGlassDto implements BreakGlassView {
  at: string;
  by: ActorDto;
  note: string | null;
  /** The revision of the promotion in the model's stream. */
  promotion: string;
  reason: string;
  /** Until when a second person should have reviewed it. */
  reviewBy: string | null;
  /** Null: nobody has yet. */
  review: BreakGlassReviewDto | null;
}

class AnyVersionDto {
  model: string;
  version: number;
  /** `sha256:` of the canonical manifest. */
  digest: string;
  label: string | null;
  stage: Stage;
  /** `sha256:` of the evaluations on the table. */
  evaluated: string;
  changelog: string;
  author: string | null;
  registeredAt: string;
  registeredBy: ActorDto;
  /** The latest of each suite, in order of suite name. */
  evaluations: EvaluationDto[];
  evaluationCount: number;
  /** The latest decision of each reviewer. */
  approvals: ApprovalDto[];
  rolledBack: RolledBackDto | null;
  deprecation: DeprecationDto | null;
  /** Absent: it never went live by break-glass. */
  breakGlass?: BreakGlassDto[];
  position: string;
}

export class VersionSummaryDto extends AnyVersionDto implements VersionSummary {
  promotion: PromotionDto | null;
}

export class VersionDto extends AnyVersionDto implements VersionResource {
  /** In canonical form. */
  @ApiProperty({ type: () => ManifestDto })
  manifest: VersionResource['manifest'];
  promotion: PromotionWithEvidenceDto | null;
}

export class ModelSummaryDto implements ModelSummary {
  model: string;
  /** How many. */
  versions: number;
  current: VersionNameDto | null;
}

/** By which credential somebody was known. */
export class AuthDto implements NonNullable<PublicEvent['auth']> {
  method: 'header' | 'key' | 'oidc' | 'platform';
  /** The id of the key, or the subject of the token. */
  credential?: string;
  issuer?: string;
}

export class EventDto implements PublicEvent {
  position: string;
  stream: string;
  revision: string;
  id: string;
  /** The stored name, like `model.Promoted`. */
  type: string;
  tenant: string;
  /** Null: it is about none. */
  model: string | null;
  /** Of the model, or of the policy that `data` names; null: it is about none. */
  version: number | null;
  time: string;
  actor: ActorDto;
  /** By which credential they were known; in the feeds of access and of policies alone. */
  auth?: AuthDto;
  correlation: string;
  causation: string | null;
  /** The payload, as stored; of access, without the hash of a key. */
  data: PublicEvent['data'];
}

export class VersionStateDto implements VersionState {
  model: string;
  version: number;
  digest: string;
  label: string | null;
  stage: string;
  evaluated: string;
}

/** What every write answers. */
export class WriteAnswerDto implements WriteAnswer {
  /** False: it was so already, and nothing was appended. */
  changed: boolean;
  position: string;
  /** The version that the command named, as it is now; after a rollback the one that is live now. */
  version: VersionStateDto | null;
  live: LiveDto;
  /** What was recorded; null when nothing changed. */
  event: EventDto | null;
}

export class LogDto {
  logId: string;
  /** Of its last event. */
  position: string;
}

export class ModelPage {
  items: ModelSummaryDto[];
  /** The cursor of the next page. */
  next: string | null;
}

export class VersionPage {
  items: VersionSummaryDto[];
  /** The cursor of the next page. */
  next: string | null;
}

export class MovePage {
  items: MoveDto[];
  /** The cursor of the next page. */
  next: string | null;
}

export class EventPage {
  items: EventDto[];
  /** The cursor of the next page. */
  next: string | null;
}
