import { explain, tryPromotion, type Command, type Gates, type Trial } from '@gatehouse/domain';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Exchange } from './exchange';
import { ModelsHandler } from './models.handler';
import { OnModel, type WriteAnswer } from './on-model';
import { idempotencyKey } from './preconditions';

/** Sends a command and says in headers (or metadata) what the answer's body does not. */
@Injectable()
export class ModelWrites {
  constructor(
    private readonly commands: CommandBus,
    private readonly models: ModelsHandler,
  ) {}

  async write(
    model: string,
    command: Command,
    { caller, context, header, set }: Exchange,
  ): Promise<WriteAnswer> {
    const origin = { caller, request: context, idempotencyKey: idempotencyKey(header) };
    const { answer, replayed } = await this.commands.execute(new OnModel(model, command, origin));
    set('gatehouse-position', answer.position);
    set('etag', `"${answer.live.revision}"`);
    if (replayed) set('idempotent-replayed', 'true');
    return answer;
  }

  /** What a promotion would come to, rule by rule. */
  async tryOut(model: string, command: Command, { caller }: Exchange): Promise<Trial> {
    if (command.verb !== 'promote') throw new TypeError(`a ${command.verb} cannot be tried out`);
    const { data } = command;
    return this.models.look(caller, model, command, (state, context) => tryPromotion(state, data, context));
  }

  /** How a version stands with the policy in force. */
  async gates(model: string, version: number, { caller }: Exchange): Promise<Gates> {
    const command: Command = { verb: 'promote', data: { version } };
    return this.models.look(caller, model, command, (state, context) => explain(state, version, context));
  }
}
