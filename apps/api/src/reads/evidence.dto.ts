import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import type { Counted, Deltas, Evidence, PolicyRef, Ref, Rule } from '@gatehouse/domain';

// What a version is judged by, as classes; each implements the type that is stored, so drift does not compile.

export class RuleDto implements Rule {
  /** In words, like `f1 >= 0.9`. */
  rule: string;
  suite?: string;
  metric?: string;
  required: unknown;
  observed: unknown;
  verdict: 'pass' | 'fail' | 'inconclusive';
  because?: string;
}

export class PolicyRefDto implements PolicyRef {
  name: string;
  version: number;
  digest: string;
  /** Of the stream of policies, as it was read. */
  revision?: string;
}

export class RefDto implements Ref {
  version: number;
  digest: string;
}

export class DeltaDto {
  /** What the live version had. */
  live: number;
  /** How far this one is above it. */
  delta: number;
}

/** By metric. */
export const DELTAS = {
  type: 'object',
  additionalProperties: { $ref: getSchemaPath(DeltaDto) },
} as const;

/** An approval that was counted. */
export class CountedDto implements Counted {
  /** Its revision in the model's stream. */
  approval: string;
  by: string;
  /** As what it was counted. */
  capacity?: string;
  /** The capacities of then that its reviewer still holds. */
  @ApiProperty({ type: [String] })
  held?: readonly string[];
}

/** What a promotion was decided on, frozen. */
@ApiExtraModels(DeltaDto)
export class EvidenceDto implements Evidence {
  /** The revision of the registration in the model's stream. */
  registered: string;
  /** Revisions in the model's stream. */
  @ApiProperty({ type: [String] })
  evaluations: readonly string[];
  /** Revisions in the model's stream. */
  @ApiProperty({ type: [String] })
  approvals: readonly string[];
  @ApiProperty({ type: () => [RuleDto] })
  rules: readonly RuleDto[];
  /** What was live. */
  baseline?: RefDto;
  /** By suite and metric. */
  @ApiProperty({ type: 'object', additionalProperties: DELTAS })
  deltas: { readonly [suite: string]: Deltas };
  /** Which approval was counted as what. */
  @ApiProperty({ type: () => [CountedDto] })
  counted?: readonly CountedDto[];
  policy: PolicyRefDto;
}
