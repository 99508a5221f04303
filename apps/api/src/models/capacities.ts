import {
  capacitiesOn,
  grantedGroups,
  holdsCapacity,
  makersOf,
  mayReview,
  type Command,
  type Role,
} from '@gatehouse/domain';
import { Accesses, type Caller } from '@gatehouse/platform';
import { Injectable } from '@nestjs/common';

/** Which capacities people hold now, as far as one model of one tenant is concerned. */
export type Held = {
  /** Those of the caller. */
  readonly capacities: readonly string[];
  /** Of the caller's groups those that make them a reviewer of the model; absent: none. */
  readonly groups?: readonly string[];
  /** Whether somebody holds a capacity, if they are still in the groups that made them a reviewer. */
  readonly holds: (actorId: string, capacity: string, groups?: readonly string[]) => boolean;
  /** Whether somebody may decide on versions now, in whichever capacity; absent: whoever did may still. */
  readonly mayDecide?: (actorId: string, groups?: readonly string[]) => boolean;
  /** Who made a key; absent: nobody. */
  readonly makersOf?: (key: string) => readonly string[];
};

/** Approvals are given in a capacity of a reviewer; the glass is broken in one of whoever may promote. */
const REVIEWING: readonly Role[] = ['reviewer'];
const PROMOTING: readonly Role[] = ['releaser', 'reviewer'];

/** Who holds which capacity. */
@Injectable()
export class Capacities {
  constructor(private readonly accesses: Accesses) {}

  /** As it is now; for a command that came at an instant (in `performance.now()` time), as it was then or later. */
  async held(
    { tenant, roles, groups }: Caller,
    model: string,
    verb: Command['verb'],
    cameAt?: number,
  ): Promise<Held> {
    const { state } = await (cameAt === undefined
      ? this.accesses.newest(tenant)
      : this.accesses.since(tenant, cameAt));
    const now = new Date().toISOString();
    return {
      capacities: capacitiesOn(roles, model, verb === 'promote' ? PROMOTING : REVIEWING),
      groups: grantedGroups(state, groups, model),
      holds: (actor, capacity, were) =>
        holdsCapacity(state, { actor, groups: were }, { model, capacity, now }),
      makersOf: (key) => makersOf(state, key),
      mayDecide: (actor, were) => mayReview(state, { actor, groups: were }, { model, now }),
    };
  }
}
