import { Injectable } from '@nestjs/common';
import type { Caller } from '@gatehouse/platform';

/** Which capacities people hold now, as far as one model of one tenant is concerned. */
export type Held = {
  /** Those of the caller. */
  readonly capacities: readonly string[];
  readonly holds: (actorId: string, capacity: string) => boolean;
  /** Whether somebody may decide on versions now, in whichever capacity; absent: whoever did may still. */
  readonly mayDecide?: (actorId: string) => boolean;
};

const NOBODY: Held = { capacities: [], holds: () => false };

/**
 * The one place that knows who holds which capacity. Until there are grants nobody holds any, so that what asks for one is
 * denied. Whoever keeps grants puts a function here that reads them forward at every call.
 */
@Injectable()
export class Capacities {
  held: (caller: Caller, model: string) => Promise<Held> = () => Promise.resolve(NOBODY);
}
