import { SetMetadata } from '@nestjs/common';

/** What a route or RPC lets its caller do. `public`: needs no caller at all (health, metrics, docs). */
export type OperationName =
  | 'public'
  | 'read'
  | 'register'
  | 'evaluate'
  | 'approve'
  | 'promote'
  | 'roll-back'
  | 'deprecate'
  | 'review-break-glass'
  | 'publish-policy'
  | 'activate-policy';

/** Who calls, as the guard established it. A write always has an actor. */
export type Caller = {
  readonly tenant: string;
  readonly actor?: { readonly id: string; readonly kind: 'user' | 'service' };
  readonly auth: { readonly method: 'header' };
};

/** A caller of a write: the guard has seen to it that there is an actor. */
export type Writer = Caller & { readonly actor: NonNullable<Caller['actor']> };

export const OPERATION = 'gatehouse:operation';

/** Declares what a route or RPC does. One without it does not start (see `OperationsDeclared`). */
export const Operation = (name: OperationName) => SetMetadata(OPERATION, name);
