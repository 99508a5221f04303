import type { ApiKey, Grant, Me, Role, Tenant } from '@gatehouse/contracts';
import { present } from '../present';
import type { GrantResource, KeyResource, MeResource, RoleResource, TenantResource } from './resources';

// From the resources of HTTP to the messages of gRPC: what is null there is absent here.

export function keyMessage({ roles, ...key }: KeyResource): ApiKey {
  return { ...present(key), roles: roles.map(roleMessage) };
}

export function grantMessage({ to, ...grant }: GrantResource): Grant {
  return { ...present(grant), to };
}

export function meMessage({ roles, groups, expires, ...me }: MeResource): Me {
  return { ...me, roles: roles.map(roleMessage), groups: [...groups], expires: expires ?? undefined };
}

export function tenantMessage(tenant: TenantResource): Tenant {
  return present(tenant);
}

function roleMessage(role: RoleResource): Role {
  return present(role);
}
