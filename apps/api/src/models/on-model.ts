import type { Command as ModelCommand } from '@gatehouse/domain';
import type { Live, PublicEvent } from '@gatehouse/projections';
import type { Caller, RequestContext } from '@gatehouse/platform';
import { Command } from '@nestjs/cqrs';

/** What every write answers, on both doors. */
export type WriteAnswer = {
  readonly changed: boolean;
  readonly position: string;
  readonly version: VersionState | null;
  readonly live: Live;
  readonly event: PublicEvent | null;
};

/** A version in short, as it is now. */
export type VersionState = {
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  readonly label: string | null;
  readonly stage: string;
  readonly evaluated: string;
};

/** An answer, and whether an earlier request with the same Idempotency-Key made its event. */
export type Written = { readonly answer: WriteAnswer; readonly replayed: boolean };

/** Who asks, how they are known, and what they call this request. */
export type Origin = {
  readonly caller: Caller;
  readonly request: RequestContext;
  readonly idempotencyKey?: string;
};

/** A command on one model, from either door. */
export class OnModel extends Command<Written> {
  constructor(
    readonly model: string,
    readonly command: ModelCommand,
    readonly origin: Origin,
  ) {
    super();
  }
}
