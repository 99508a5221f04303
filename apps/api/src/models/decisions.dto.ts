import { REASON_CODES, type Approve, type Deprecate, type Promote, type ReasonCode } from '@gatehouse/domain';
import { IsIn } from 'class-validator';
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

export class PromoteDto implements Pick<Promote, 'note'> {
  @MayBeAbsent()
  @IsText()
  note?: string;
}

export class RollBackDto {
  /** The version being left: its number or its digest. */
  @IsVersionRef()
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
