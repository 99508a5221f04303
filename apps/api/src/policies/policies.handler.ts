import { canonicalJson, sha256 } from '@gatehouse/canonical';
import {
  decidePolicy,
  makersOf,
  policyStream,
  policyVersion,
  type Acting,
  type PoliciesState,
  type PolicyCommand,
  type PolicyFact,
} from '@gatehouse/domain';
import { Transactor, type Decider, type EventStore, type Outcome } from '@gatehouse/eventsourcing';
import { Accesses, EVENT_STORE, Metrics, Settings } from '@gatehouse/platform';
import { policyEvent } from '@gatehouse/projections';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { counted, requestFor } from '../commanding';
import type { Origin } from '../models/on-model';
import { OnPolicies, type PolicyAnswer } from './on-policies';
import { POLICIES } from './policies-in-force';
import { resourceOf } from './resources';

type Asked = { readonly command: PolicyCommand; readonly acting: Acting };
type Written = { readonly answer: PolicyAnswer; readonly replayed: boolean };

/** The policies of a tenant as `transact` runs them. */
const DECIDER: Decider<PoliciesState, PolicyFact, Asked> = {
  ...POLICIES,
  decide: ({ command, acting }, state) => decidePolicy(command, state, acting),
};

/** The one handler behind both doors: every write on policies goes through here. */
@CommandHandler(OnPolicies)
export class PoliciesHandler implements ICommandHandler<OnPolicies> {
  private readonly transactor: Transactor<PoliciesState, PolicyFact, Asked>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    private readonly settings: Settings,
    private readonly metrics: Metrics,
    private readonly accesses: Accesses,
  ) {
    this.transactor = new Transactor(store, DECIDER);
  }

  async execute({ command, origin }: OnPolicies): Promise<Written> {
    const verb = `${command.verb}Policy`;
    const { requestTimeoutMs: timeoutMs } = this.settings;
    const fingerprint = sha256(canonicalJson([verb, command.data]));
    const { tenant } = origin.caller;
    const request = {
      ...requestFor(policyStream(tenant), fingerprint, origin, { timeoutMs }),
      // As the guard has read it or later, while the policies are read or waited for.
      command: this.asked(command, origin),
    };
    const run = () =>
      this.transactor.transact(request, (outcome) => ({
        answer: answerOf(command, outcome),
        replayed: outcome.replayed,
      }));
    return counted(this.metrics, verb, run, ({ answer }) => answer.changed);
  }

  private async asked(command: PolicyCommand, { caller, request }: Origin): Promise<Asked> {
    const { tenant, actor, makers } = caller;
    const { state } = await this.accesses.since(tenant, request.startedAt);
    return { command, acting: { actor, makers, makersOf: (key) => makersOf(state, key) } };
  }
}

function answerOf(
  command: PolicyCommand,
  { state, recorded, position }: Outcome<PoliciesState>,
): PolicyAnswer {
  const { name, number } = namedBy(command, state);
  return {
    changed: recorded !== null,
    position: String(position),
    policy: resourceOf(state, policyVersion(state, name, number)),
    event: recorded && policyEvent(recorded),
  };
}

function namedBy(command: PolicyCommand, state: PoliciesState): { name: string; number: number } {
  if (command.verb === 'activate') return { name: command.data.policy, number: command.data.version };
  const name = command.data.document.policy;
  const versions = state.policies.get(name)?.versions ?? [];
  return { name, number: versions.findIndex(({ digest }) => digest === command.data.digest) + 1 };
}
