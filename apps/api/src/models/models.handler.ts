import { canonicalJson, digestOf, sha256, shortHash, uuidV5 } from '@gatehouse/canonical';
import {
  decide,
  decode,
  evolve,
  modelStream,
  noModel,
  Rejected,
  type Command,
  type Context,
  type Fact,
  type ModelState,
} from '@gatehouse/domain';
import {
  IdempotencyKeyReused,
  Transactor,
  type Decider,
  type EventStore,
  type Outcome,
  type Request,
} from '@gatehouse/eventsourcing';
import { EVENT_STORE, Metrics, Settings } from '@gatehouse/platform';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { uuidv7 } from 'uuidv7';
import { Problem } from '../problem';
import { answerOf, liveOf } from './answer';
import { OnModel, type Written } from './on-model';
import { BUILT_IN_POLICY } from './policy';

/** A command with everything that its decision needs besides the state and the time. */
type Asked = { readonly model: string; readonly command: Command; readonly actor: Context['actor'] };

/** The model aggregate as `transact` runs it: the decider of the domain, with the policy in force as data. */
const MODEL: Decider<ModelState, Fact, Asked> = {
  initial: noModel,
  decode,
  evolve,
  bytes: ({ bytes }) => bytes,
  decide: ({ model, command, actor }, state, at) => {
    try {
      return decide(command, state, { ...at, actor, policy: BUILT_IN_POLICY, digest: digestOf });
    } catch (error) {
      // Who lost the pointer is told where it is, from the same state that refused.
      if (error instanceof Rejected && error.code === 'pointer-moved')
        throw new Problem(error.code, error.message, { live: liveOf(model, state) });
      throw error;
    }
  },
};

/** The one handler behind both doors: every write of every model goes through here. */
@CommandHandler(OnModel)
export class ModelsHandler implements ICommandHandler<OnModel> {
  private readonly transactor: Transactor<ModelState, Fact, Asked>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    private readonly settings: Settings,
    private readonly metrics: Metrics,
  ) {
    this.transactor = new Transactor(store, MODEL);
  }

  async execute(onModel: OnModel): Promise<Written> {
    const { verb } = onModel.command;
    try {
      const written = await this.transactor.transact(this.requestOf(onModel), (outcome) =>
        answerOf(onModel.model, namedBy(onModel.command, outcome), outcome),
      );
      this.metrics.commands.inc({ verb, outcome: outcomeOf(written) });
      return written;
    } catch (error) {
      const refused = [Rejected, Problem, IdempotencyKeyReused].some((kind) => error instanceof kind);
      this.metrics.commands.inc({ verb, outcome: refused ? 'refused' : 'failed' });
      throw error;
    }
  }

  private requestOf({ model, command, origin }: OnModel): Request<Asked> {
    const { caller, request, idempotencyKey } = origin;
    const stream = modelStream(caller.tenant, model);
    const id = uuidv7();
    const key =
      idempotencyKey === undefined ? undefined : shortHash([stream, caller.actor.id, idempotencyKey]);
    return {
      stream,
      command: { model, command, actor: caller.actor },
      eventId: uuidV5(id),
      deadline: request.startedAt + this.settings.requestTimeoutMs,
      meta: {
        tenant: caller.tenant,
        model,
        actor: caller.actor,
        auth: caller.auth,
        command: { id, ...(key !== undefined && { key }), fingerprint: fingerprint(model, command) },
        correlation: request.requestId,
        schema: 1,
      },
    };
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
      return data.version;
  }
}

function outcomeOf({ answer, replayed }: Written): string {
  if (replayed) return 'replayed';
  return answer.changed ? 'changed' : 'unchanged';
}
