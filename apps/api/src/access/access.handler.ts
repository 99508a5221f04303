import { canonicalJson, sha256 } from '@gatehouse/canonical';
import {
  accessStream,
  decideAccess,
  type AccessCommand,
  type AccessFact,
  type AccessState,
  type OperationName,
} from '@gatehouse/domain';
import { Transactor, type Decider, type EventStore } from '@gatehouse/eventsourcing';
import {
  ACCESS,
  Accesses,
  asOf,
  deadlineOf,
  EVENT_STORE,
  Metrics,
  refuseUnlessPermitted,
  Settings,
  type Caller,
} from '@gatehouse/platform';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { counted, requestFor } from '../commanding';
import { OnAccess, type AccessDone } from './on-access';

/** A command, who asks, and whether people can come at all: there is an identity provider. */
type Asked = { readonly command: AccessCommand; readonly caller: Caller; readonly people: boolean };

/** The right that a command takes; null: it is not asked for through a door. */
const RIGHT: Readonly<Record<AccessCommand['verb'], OperationName | null>> = {
  openTenant: 'open-tenant',
  suspendTenant: 'suspend-tenant',
  resumeTenant: 'suspend-tenant',
  recoverAdmin: null,
  issueKey: 'issue-key',
  revokeKey: 'revoke-key',
  grant: 'grant',
  withdraw: 'withdraw',
};

/**
 * The access of a tenant as `transact` runs it. Whoever asks is judged once more by the state that decides: what they lost since
 * the guard let them in they cannot use to make up for it.
 */
export const ACCESS_DECIDER: Decider<AccessState, AccessFact, Asked> = {
  ...ACCESS,
  decide: ({ command, caller, people }, state, { now }) => {
    const who = asOf(state, caller, now);
    const right = RIGHT[command.verb];
    if (right !== null) refuseUnlessPermitted(who, right, undefined);
    return decideAccess(command, state, { ...who, people, now });
  },
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

  async execute<T>({ tenant, command, asked, origin, answer }: OnAccess<T>): Promise<AccessDone<T>> {
    const { verb } = command;
    const { caller } = origin;
    const people = this.settings.oidc !== undefined;
    const fingerprint = sha256(canonicalJson([verb, asked]));
    const timeoutMs = this.settings.requestTimeoutMs;
    const request = requestFor(accessStream(tenant), fingerprint, origin, { timeoutMs, about: { tenant } });
    const run = async () => {
      const done = await this.transactor.transact(
        { ...request, command: { command, caller, people } },
        ({ state, recorded, replayed, position }): AccessDone<T> => {
          const outcome = {
            event: recorded && ACCESS.decode(recorded),
            replayed,
            position: String(position),
          };
          return { ...outcome, answer: answer({ ...outcome, state }) };
        },
      );
      // So that whoever is told that it is so finds it so here, at once. It is so already, whatever becomes of this.
      await this.accesses.refresh(tenant, deadlineOf(origin.request, timeoutMs));
      return done;
    };
    return counted(this.metrics, verb, run, ({ event }) => event !== null);
  }
}
