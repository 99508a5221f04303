import { canonicalJson, sha256 } from '@gatehouse/canonical';
import {
  accessStream,
  decideAccess,
  Rejected,
  type AccessCommand,
  type AccessContext,
  type AccessFact,
  type AccessState,
} from '@gatehouse/domain';
import { IdempotencyKeyReused, Transactor, type Decider, type EventStore } from '@gatehouse/eventsourcing';
import { ACCESS, Accesses, EVENT_STORE, Metrics, Settings } from '@gatehouse/platform';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { requestFor } from '../commanding';
import { OnAccess } from './on-access';

/** What a command came to. */
export type AccessOutcome = {
  /** What was recorded; null if it was so already. */
  readonly event: AccessFact | null;
  readonly replayed: boolean;
  readonly position: string;
  /** The access of the tenant after it. */
  readonly state: AccessState;
};

type Asked = { readonly command: AccessCommand; readonly who: Omit<AccessContext, 'now'> };

/** The access of a tenant as `transact` runs it. */
export const ACCESS_DECIDER: Decider<AccessState, AccessFact, Asked> = {
  ...ACCESS,
  decide: ({ command, who }, state, { now }) => decideAccess(command, state, { ...who, now }),
};

/** The one handler behind both doors: every change of who may do what goes through here. */
@CommandHandler(OnAccess)
export class AccessHandler implements ICommandHandler<OnAccess> {
  private readonly transactor: Transactor<AccessState, AccessFact, Asked>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    private readonly settings: Settings,
    private readonly metrics: Metrics,
    private readonly accesses: Accesses,
  ) {
    this.transactor = new Transactor(store, ACCESS_DECIDER);
  }

  async execute({ tenant, command, asked, origin }: OnAccess): Promise<AccessOutcome> {
    const { verb } = command;
    const { actor, roles, groups } = origin.caller;
    const fingerprint = sha256(canonicalJson([verb, asked]));
    const timeoutMs = this.settings.requestTimeoutMs;
    try {
      const request = requestFor(accessStream(tenant), fingerprint, origin, { timeoutMs, about: { tenant } });
      const outcome = await this.transactor.transact(
        { ...request, command: { command, who: { actor, roles, groups } } },
        ({ state, recorded, replayed, position }): AccessOutcome => ({
          event: recorded && ACCESS.decode(recorded),
          replayed,
          position: String(position),
          state,
        }),
      );
      // So that whoever is told that it is so finds it so here, at once.
      await this.accesses.newest(tenant);
      this.metrics.commands.inc({ verb, outcome: outcomeOf(outcome) });
      return outcome;
    } catch (error) {
      const refused = error instanceof Rejected || error instanceof IdempotencyKeyReused;
      this.metrics.commands.inc({ verb, outcome: refused ? 'refused' : 'failed' });
      throw error;
    }
  }
}

function outcomeOf({ event, replayed }: AccessOutcome): string {
  if (replayed) return 'replayed';
  return event ? 'changed' : 'unchanged';
}
