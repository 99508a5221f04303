import type { AccessCommand } from '@gatehouse/domain';
import { Command } from '@nestjs/cqrs';
import type { Origin } from '../models/on-model';
import type { AccessOutcome } from './access.handler';

/** A command on the access of a tenant, from either door. */
export class OnAccess extends Command<AccessOutcome> {
  constructor(
    readonly tenant: string,
    readonly command: AccessCommand,
    /** What the client asked for, without what was made up for it: the same request has the same. */
    readonly asked: object,
    readonly origin: Origin,
  ) {
    super();
  }
}
