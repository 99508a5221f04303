import {
  REASON_CODES,
  type Approve,
  type Deprecate,
  type Promote,
  type ReasonCode,
  type Review,
} from '@gatehouse/domain';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { IsCalendarDay, IsDigest, IsText, IsVersionRef, IsWhole, MayBeAbsent } from './shapes.dto';

export class ApproveDto implements Omit<Approve, 'version'> {
  @IsIn(['approve', 'reject'], { message: 'must be approve or reject' })
  decision: 'approve' | 'reject';

  @MayBeAbsent()
  @IsText()
  comment?: string;

  /** The version's digest, as the reviewer looked at it. */
  @MayBeAbsent()
  @IsDigest()
  digest?: string;

  /** The version's `evaluated`, as the reviewer looked at it. */
  @MayBeAbsent()
  @IsDigest()
  evaluated?: string;
}

/** For whom the policy lets break the glass: approvals, soak and freeze are skipped, and a second person reviews it. */
export class AskedBreakGlassDto {
  /** Why it cannot wait. */
  @IsString()
  @IsText()
  reason: string;
}

export class PromoteDto implements Omit<Promote, 'version' | 'ifPointer'> {
  @MayBeAbsent()
  @IsText()
  note?: string;

  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => AskedBreakGlassDto)
  breakGlass?: AskedBreakGlassDto;
}

export class ReviewDto implements Omit<Review, 'version'> {
  @IsIn(['justified', 'not-justified'], { message: 'must be justified or not-justified' })
  verdict: 'justified' | 'not-justified';

  @MayBeAbsent()
  @IsText()
  comment?: string;
}

export class PromoteQuery {
  /** `true`: says what would come of it, rule by rule, and records nothing. */
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  dryRun?: 'true' | 'false';
}

export class RollBackDto {
  /** The version being left: its number or its digest. */
  @IsVersionRef()
  @ApiProperty({ oneOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] })
  from: number | string;

  /** Why. `other` needs a note. */
  @MayBeAbsent()
  @IsIn(REASON_CODES, { message: `must be one of ${REASON_CODES.join(', ')}` })
  reason?: ReasonCode;

  @MayBeAbsent()
  @IsText()
  note?: string;

  /** The number of the version to go to, or 0 for nothing live. Absent: the rollback target. */
  @MayBeAbsent()
  @IsWhole(0)
  to?: number;
}

export class DeprecateDto implements Omit<Deprecate, 'version'> {
  /** The last day, UTC, `YYYY-MM-DD`. */
  @IsCalendarDay()
  sunset: string;

  /** The number of the version to use instead. Absent: the live one. */
  @MayBeAbsent()
  @IsWhole(1)
  successor?: number;

  @MayBeAbsent()
  @IsText()
  note?: string;
}
