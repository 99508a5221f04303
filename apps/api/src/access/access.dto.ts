import { ROLES, type Grantee, type Role } from '@gatehouse/domain';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsObject,
  Matches,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { IsActorId, IsText, MayBeAbsent } from '../models/shapes.dto';
import { IsInstant } from '../reads/reads.dto';

const IsId = () => Matches(/^[A-Za-z0-9-]{1,64}$/, { message: 'must be 1 to 64 of A-Z a-z 0-9 -' });
const HOLD_CAPACITIES: readonly Role[] = ['reviewer', 'releaser'];

/** A capacity says as what somebody reviews, or may break the glass; with any other role it would say nothing. */
const IsCapacity = () =>
  ValidateBy({
    name: 'isCapacity',
    validator: {
      validate: (value, about) =>
        typeof value === 'string' &&
        /^[a-z0-9][a-z0-9-]{0,63}$/.test(value) &&
        HOLD_CAPACITIES.includes((about?.object as { role: Role }).role),
      defaultMessage: () =>
        'must be 1 to 64 of a-z 0-9 -, beginning with a letter or digit, and goes with reviewer or releaser',
    },
  });

/** A role, for which models, and in which capacity. */
export class RoleDto {
  @IsIn(ROLES, { message: `must be one of ${ROLES.join(', ')}` })
  role: Role;

  /** Names of models, `*` for any characters: `fraud-*`. Absent: every model. */
  @MayBeAbsent()
  @Matches(/^[a-z0-9*][a-z0-9._*-]{0,127}$/, {
    message: 'must be 1 to 128 of a-z 0-9 . _ - *, beginning with a letter, a digit or *',
  })
  models?: string;

  /** In which capacity they review, or may break the glass: `risk-officer`. */
  @MayBeAbsent()
  @IsCapacity()
  capacity?: string;
}

export class IssueKeyDto {
  /** Who the key speaks for. */
  @IsActorId()
  actor: string;

  @IsIn(['user', 'service'], { message: 'must be user or service' })
  kind: 'user' | 'service';

  @IsArray({ message: 'must be an array' })
  @ArrayMinSize(1, { message: 'must name at least one role' })
  @ArrayMaxSize(50, { message: 'must name at most 50 roles' })
  @ValidateNested({ each: true })
  @Type(() => RoleDto)
  roles: RoleDto[];

  /** RFC 3339. Absent: it does not expire. */
  @MayBeAbsent()
  @IsInstant()
  expires?: string;
}

/** A person, a key, or whoever their identity provider says is in a group. */
export class GranteeDto {
  @MayBeAbsent()
  @IsActorId()
  actor?: string;

  @MayBeAbsent()
  @IsId()
  key?: string;

  @MayBeAbsent()
  @Matches(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,256}$/u, { message: 'must be 1 to 256 visible characters' })
  group?: string;
}

const IsOneGrantee = () =>
  ValidateBy({
    name: 'isOneGrantee',
    validator: {
      validate: (value) => value instanceof GranteeDto && namedBy(value).length === 1,
      defaultMessage: () => 'must name one of actor, key, group',
    },
  });

/** Validated: it names one. */
export function granteeOf(to: GranteeDto): Grantee {
  return Object.fromEntries(namedBy(to)) as unknown as Grantee;
}

function namedBy(to: GranteeDto): [string, string][] {
  return Object.entries(to).filter(([, value]) => value !== undefined && value !== null) as [
    string,
    string,
  ][];
}

export class GrantDto extends RoleDto {
  @IsObject({ message: 'must be an object' })
  @IsOneGrantee()
  @ValidateNested()
  @Type(() => GranteeDto)
  to: GranteeDto;
}

export class KeyPath {
  /** The public id of a key. */
  @IsId()
  id: string;
}

export class GrantPath {
  /** The id of a grant. */
  @IsId()
  id: string;
}

const IsTenant = () => Matches(/^[a-z0-9-]{1,63}$/, { message: 'must be 1 to 63 of a-z, 0-9 and -' });

export class TenantPath {
  /** The tenant's name. */
  @IsTenant()
  tenant: string;
}

export class OpenTenantDto {
  /** The tenant's name, for ever. */
  @IsTenant()
  tenant: string;
}

/** Why a tenant is suspended. */
export class SuspendDto {
  @MayBeAbsent()
  @IsText()
  reason?: string;
}
