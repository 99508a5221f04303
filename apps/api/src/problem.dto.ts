import type { RejectionFacts } from '@gatehouse/domain';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { MissingApprovalDto } from './policies/resources.dto';
import { PROBLEMS, type ProblemCode } from './problem';
import { RuleDto } from './reads/evidence.dto';
import { LiveDto } from './reads/resources.dto';

/** What is wrong with one field. */
export class FieldErrorDto {
  /** JSON pointer. */
  pointer: string;
  message: string;
}

/** Policies that would govern the same model. */
export class TieDto {
  policies: string[];
  patterns: string[];
  /** A name that both match. */
  model: string;
}

/** What is not a success (RFC 9457). `detail` says what to do next; what comes after `code` is told by some codes. */
@ApiSchema({ name: 'Problem' })
export class ProblemDto implements RejectionFacts {
  /** `urn:gatehouse:` and the code. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The request id. */
  instance: string;
  @ApiProperty({ type: 'string', enum: Object.keys(PROBLEMS) })
  code: ProblemCode;
  /** `invalid`, `too-many`: the fields that are. */
  errors?: FieldErrorDto[];
  /** `gate-not-met`: every rule, with its verdict. */
  gate?: RuleDto[];
  /** `not-approved`, `approval-void`: what is missing. */
  missing?: MissingApprovalDto[];
  /** `policy-tie` */
  tie?: TieDto;
  /** `pointer-moved`: the pointer as it is. */
  live?: LiveDto;
  /** `floating-alias`: the digest that is live; null: nothing is. */
  pin?: string | null;
  /** `notice-too-short`: the earliest day that would do. */
  earliest?: string;
  /** `quota-exceeded`: of what there is no more. */
  what?: string;
  /** `quota-exceeded`: how much there may be. */
  limit?: number;
}
