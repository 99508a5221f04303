import { capacitiesOn, holdsCapacity, type Command, type Role } from '@gatehouse/domain';
import { Accesses, type Caller } from '@gatehouse/platform';
import { Injectable } from '@nestjs/common';

/** Which capacities people hold now, as far as one model is concerned. */
export type Held = {
  /** Those of the caller. */
  readonly capacities: readonly string[];
  readonly holds: (actorId: string, capacity: string) => boolean;
};

/** Approvals are given in a capacity of a reviewer; the glass is broken in one of whoever may promote. */
const REVIEWING: readonly Role[] = ['reviewer'];
const PROMOTING: readonly Role[] = ['releaser', 'reviewer'];

/** Who holds which capacity: read forward at every question. */
@Injectable()
export class Capacities {
  constructor(private readonly accesses: Accesses) {}

  async held({ tenant, roles }: Caller, model: string, verb: Command['verb']): Promise<Held> {
    const { state } = await this.accesses.newest(tenant);
    const now = new Date().toISOString();
    return {
      capacities: capacitiesOn(roles, model, verb === 'promote' ? PROMOTING : REVIEWING),
      holds: (actor, capacity) => holdsCapacity(state, { actor }, { model, capacity, now }),
    };
  }
}
