import type { PolicyCommand } from '@gatehouse/domain';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Exchange } from '../models/exchange';
import { idempotencyKey, refuseExpectedPointer } from '../models/preconditions';
import { OnPolicies, type PolicyAnswer } from './on-policies';

/** Sends a command on policies, and says in headers (or metadata) what the answer's body does not. */
@Injectable()
export class PolicyWrites {
  constructor(private readonly commands: CommandBus) {}

  async write(command: PolicyCommand, { caller, context, header, set }: Exchange): Promise<PolicyAnswer> {
    refuseExpectedPointer(header);
    const origin = { caller, request: context, idempotencyKey: idempotencyKey(header) };
    const { answer, replayed } = await this.commands.execute(new OnPolicies(command, origin));
    set('gatehouse-position', answer.position);
    if (replayed) set('idempotent-replayed', 'true');
    return answer;
  }
}
