import type { Bound, Evaluate } from '@gatehouse/domain';
import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { IsDefined, IsObject, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { AsItCame, IsDigest, IsFilledText, IsInNfc, IsSuiteName, IsWhole, MayBeAbsent } from './shapes.dto';

/** What an evaluation ran on. */
export class DatasetDto {
  @IsFilledText()
  @IsInNfc()
  name: string;

  /** `sha256:<hex>` of its content. */
  @MayBeAbsent()
  @IsDigest()
  digest?: string;

  /** How many records it has. */
  @MayBeAbsent()
  @IsWhole(0)
  size?: number;
}

/** The full report. */
export class ReportDto {
  @IsFilledText()
  uri: string;

  /** `sha256:<hex>` of its content. */
  @MayBeAbsent()
  @IsDigest()
  digest?: string;
}

/** What a metric must meet: at least one of `min`, `max` and `maxRegression`. */
export class BoundDto implements Bound {
  min?: number;
  max?: number;
  /** How far it may be worse than what is live, in its own unit. */
  maxRegression?: number;
  /** Where neither or both of `min` and `max` say it. */
  better?: 'higher' | 'lower';
}

@ApiExtraModels(BoundDto)
export class EvaluateDto implements Omit<Evaluate, 'version' | 'thresholds'> {
  /** The suite that ran. */
  @IsSuiteName()
  suite: string;

  @IsDefined({ message: 'must be there' })
  @IsObject()
  @ValidateNested()
  @Type(() => DatasetDto)
  dataset: DatasetDto;

  /** What was measured, by name: at least one number. */
  @IsDefined({ message: 'must be there' })
  @IsObject()
  @AsItCame()
  metrics: Record<string, number>;

  /** What must be met, by metric. */
  @MayBeAbsent()
  @IsObject()
  @AsItCame()
  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(BoundDto) } })
  thresholds?: Record<string, BoundDto>;

  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => ReportDto)
  report?: ReportDto;
}
