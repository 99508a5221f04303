import { ApiProperty } from '@nestjs/swagger';
import { ActorDto, AuthDto } from '../reads/resources.dto';
import type { IssuedKey, OpenedTenant, Written } from './access-writes';
import type { GrantResource, KeyResource, MeResource, RoleResource, TenantResource } from './resources';

// What is answered about access, as classes: OpenAPI is generated from them. Each implements the type that is answered
// with, so drift does not compile.

export class HeldRoleDto implements RoleResource {
  role: string;
  /** A pattern; null: every model. */
  models: string | null;
  capacity: string | null;
}

export class KeyDto implements KeyResource {
  /** Public: part of the key, and what it is listed and revoked by. */
  id: string;
  /** Who it speaks for. */
  actor: string;
  kind: 'user' | 'service';
  roles: HeldRoleDto[];
  expires: string | null;
  issuedAt: string;
  issuedBy: ActorDto;
  /** The id of the key that it was issued with; null: whoever issued it came with none. */
  issuedWith: string | null;
  revokedAt: string | null;
}

export class KeyListDto {
  items: KeyDto[];
  /** The cursor of the next page. */
  next: string | null;
}

export class KeyAnswerDto extends KeyDto implements Written {
  changed: boolean;
  position: string;
}

export class IssuedKeyDto extends KeyAnswerDto implements IssuedKey {
  /** The key itself, this once; null when the request is sent again: it is not kept. */
  key: string | null;
}

export class ToDto {
  actor?: string;
  key?: string;
  group?: string;
}

export class HeldGrantDto extends HeldRoleDto implements Omit<GrantResource, 'to'> {
  id: string;
  to: ToDto;
  grantedAt: string;
  grantedBy: ActorDto;
}

export class GrantListDto {
  items: HeldGrantDto[];
  /** The cursor of the next page. */
  next: string | null;
}

export class GrantAnswerDto extends HeldGrantDto implements Written {
  changed: boolean;
  position: string;
}

export class WithdrawnDto implements Written {
  changed: boolean;
  position: string;
  id: string;
}

export class MeDto implements MeResource {
  tenant: string;
  actor: ActorDto;
  auth: AuthDto;
  roles: HeldRoleDto[];
  groups: string[];
  expires: string | null;
}

export class TenantDto implements TenantResource {
  tenant: string;
  openedAt: string | null;
  suspendedAt: string | null;
}

export class TenantListDto {
  items: TenantDto[];
  @ApiProperty({ type: 'null' })
  next: null;
}

export class TenantAnswerDto extends TenantDto implements Written {
  changed: boolean;
  position: string;
}

export class AdminKeyDto extends KeyDto {
  /** The key itself, this once; null when the request is sent again: it is not kept. */
  key: string | null;
}

export class OpenedTenantDto extends TenantAnswerDto implements OpenedTenant {
  /** The first key of the tenant, which holds every role; null: it was open already. */
  admin: AdminKeyDto | null;
}
