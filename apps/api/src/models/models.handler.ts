import { canonicalJson, digestOf, sha256 } from '@gatehouse/canonical';
import {
  decide,
  decode,
  evolve,
  looksAtManifest,
  modelStream,
  noModel,
  Rejected,
  type Command,
  type Context,
  type Fact,
  type ModelState,
  type Policy,
  type Registration,
} from '@gatehouse/domain';
import {
  Transactor,
  type At,
  type Decider,
  type EventStore,
  type Outcome,
  type Request,
} from '@gatehouse/eventsourcing';
import { Views } from '@gatehouse/projections';
import { EVENT_STORE, Metrics, Settings, type Caller } from '@gatehouse/platform';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { counted, requestFor } from '../commanding';
import { PoliciesInForce } from '../policies/policies-in-force';
import { Problem } from '../problem';
import { answerOf, liveOf } from './answer';
import { Capacities, type Held } from './capacities';
import { OnModel, type Written } from './on-model';
import { withinQuota, type Room } from './room';

/** A command with everything that its decision needs besides the state and the time. */
type Asked = {
  readonly model: string;
  readonly command: Command;
  readonly actor: Context['actor'];
  readonly makers: readonly string[];
  readonly policy: Policy;
  readonly held: Held;
  readonly room: Room;
};

/** The model aggregate as `transact` runs it: the decider of the domain, with the policy in force as data. */
const MODEL: Decider<ModelState, Fact, Asked> = {
  initial: noModel,
  decode,
  evolve,
  bytes: ({ bytes }) => bytes,
  looksAt: ({ command, policy }, state) =>
    command.verb === 'promote' && looksAtManifest(policy.document)
      ? state.versions[command.data.version - 1]?.registered
      : undefined,
  decide: (asked, state, at) => {
    try {
      return withinQuota(asked.room, decide(asked.command, state, contextOf(asked, at)));
    } catch (error) {
      // Who lost the pointer is told where it is, from the same state that refused.
      if (error instanceof Rejected && error.code === 'pointer-moved')
        throw new Problem(error.code, error.message, { live: liveOf(asked.model, state) });
      throw error;
    }
  },
};

function contextOf({ model, actor, makers, policy, held }: Asked, { now, eventId, lookedAt }: At): Context {
  // What `looksAt` names is the event that registered the version.
  const registration = lookedAt?.data as Registration | undefined;
  return {
    now,
    eventId,
    model,
    actor,
    makers,
    policy,
    ...held,
    digest: digestOf,
    ...(registration && { registration }),
  };
}

/** The one handler behind both doors: every write of every model goes through here. */
@CommandHandler(OnModel)
export class ModelsHandler implements ICommandHandler<OnModel> {
  private readonly transactor: Transactor<ModelState, Fact, Asked>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    private readonly settings: Settings,
    private readonly metrics: Metrics,
    private readonly policies: PoliciesInForce,
    private readonly capacities: Capacities,
    private readonly views: Views,
  ) {
    this.transactor = new Transactor(store, MODEL);
  }

  async execute(onModel: OnModel): Promise<Written> {
    const { verb } = onModel.command;
    const run = () =>
      this.transactor.transact(this.requestOf(onModel), (outcome) =>
        answerOf(onModel.model, namedBy(onModel.command, outcome), outcome),
      );
    return counted(this.metrics, verb, run, ({ answer }) => answer.changed);
  }

  /** What `answer` makes of a model as a command would find it now. Nothing is decided. */
  look<T>(
    caller: Caller,
    model: string,
    command: Command,
    answer: (state: ModelState, context: Context) => T,
  ): Promise<T> {
    const asked = this.asked(caller, model, command);
    return this.transactor.look(
      { stream: modelStream(caller.tenant, model), command: asked },
      (one, state, at) => answer(state, contextOf(one, at)),
    );
  }

  private requestOf({ model, command, origin }: OnModel): Request<Asked> {
    const { requestTimeoutMs: timeoutMs } = this.settings;
    const stream = modelStream(origin.caller.tenant, model);
    return {
      ...requestFor(stream, fingerprint(model, command), origin, { timeoutMs, about: { model } }),
      // Read while the model's stream is read or waited for: the policy as it is now, and who holds what as the guard has read it
      // or later. What is in force is what was so when the command came.
      command: this.asked(origin.caller, model, command, origin.request.startedAt),
    };
  }

  private async asked(caller: Caller, model: string, command: Command, cameAt?: number): Promise<Asked> {
    const [policy, held] = await Promise.all([
      this.policies.governing(caller.tenant, model),
      this.capacities.held(caller, model, command.verb, cameAt),
    ]);
    const room = { used: this.views.usage.of(caller.tenant), most: this.settings.limits.quota };
    return { model, command, actor: caller.actor, makers: caller.makers, policy, held, room };
  }
}

/** The same command has the same fingerprint: verb, path parameters and canonical validated body; not what it expects of the pointer. */
function fingerprint(model: string, { verb, data }: Command): string {
  const { ifPointer: _, ...body } = data as Command['data'] & { ifPointer?: number };
  return sha256(canonicalJson([verb, model, body]));
}

/** The version that a command named; null for a rollback, which answers what is live now. */
function namedBy({ verb, data }: Command, { recorded, state }: Outcome<ModelState>): number | null {
  switch (verb) {
    case 'register':
      return recorded ? Number(recorded.data['version']) : (state.byDigest.get(data.digest)?.version ?? null);
    case 'rollBack':
      return null;
    case 'evaluate':
    case 'approve':
    case 'promote':
    case 'deprecate':
    case 'review':
      return data.version;
  }
}
