import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Actor, Meta, OperationName, RoleGrant } from '@gatehouse/domain';
import { contextOf } from '../request-context';

/** Who calls, as the guard established it from the credential, and what they may do. */
export type Caller = {
  /** Empty for the platform key, which belongs to none. */
  readonly tenant: string;
  readonly actor: Actor;
  /** Recorded with what they do. */
  readonly auth: Meta['auth'];
  readonly roles: readonly RoleGrant[];
  /** That their identity provider says they are in. */
  readonly groups: readonly string[];
  /** Who made the key that they came with: what is decided with it counts as decided by them, too. */
  readonly makers: readonly string[];
  /** RFC 3339: when the key expires, if it does. */
  readonly expires?: string;
  /** Their tenant is suspended: they are known, and may do nothing. */
  readonly suspended?: true;
};

export const OPERATION = 'gatehouse:operation';

/** Declares what a route or RPC does; `public`: it needs no credential (health, metrics, docs). One without does not start. */
export const Operation = (name: OperationName | 'public') => SetMetadata(OPERATION, name);

/** Parameter decorator: the `Caller`, on both doors. */
export const Calling = createParamDecorator(
  (_: unknown, execution: ExecutionContext) => contextOf(execution).caller,
);
