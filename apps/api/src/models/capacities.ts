import { Injectable } from '@nestjs/common';
import type { Caller } from '@gatehouse/platform';

/** Which capacities people hold now, as far as one tenant is concerned. */
export type Held = {
  /** Those of the caller. */
  readonly capacities: readonly string[];
  readonly holds: (actorId: string, capacity: string) => boolean;
};

const NOBODY: Held = { capacities: [], holds: () => false };

/**
 * The one place that knows who holds which capacity. Until there are grants nobody holds any, so that what asks for one is
 * denied. Whoever keeps grants puts a function here that reads them forward at every call.
 */
@Injectable()
export class Capacities {
  held: (caller: Caller) => Promise<Held> = () => Promise.resolve(NOBODY);
}
