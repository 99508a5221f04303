import type { Command } from '@gatehouse/domain';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Exchange } from './exchange';
import { OnModel, type WriteAnswer } from './on-model';
import { idempotencyKey } from './preconditions';

/** Sends a command and says in headers (or metadata) what the answer's body does not. */
@Injectable()
export class ModelWrites {
  constructor(private readonly commands: CommandBus) {}

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
}
