import type { AccessCommand, AccessFact, AccessState } from '@gatehouse/domain';
import { Command } from '@nestjs/cqrs';
import type { Origin } from '../models/on-model';

/** What a command on access came to, at the instant of it. The state moves on: take from it at once what is needed. */
export type AccessOutcome = {
  /** What was recorded; null if it was so already. */
  readonly event: AccessFact | null;
  readonly replayed: boolean;
  readonly position: string;
  /** The access of the tenant after it. */
  readonly state: AccessState;
};

/** What became of a command on access, and what its sender made of it. */
export type AccessDone<T> = Omit<AccessOutcome, 'state'> & { readonly answer: T };

/** A command on the access of a tenant, from either door. */
export class OnAccess<T = unknown> extends Command<AccessDone<T>> {
  constructor(
    readonly tenant: string,
    readonly command: AccessCommand,
    /** What the client asked for, without what was made up for it: the same request has the same. */
    readonly asked: object,
    readonly origin: Origin,
    /** Makes the answer of the outcome. It is called once the event is recorded, and must not fail. */
    readonly answer: (outcome: AccessOutcome) => T,
  ) {
    super();
  }
}
