import { Injectable } from '@nestjs/common';
import type { FollowStatus } from '@gatehouse/eventsourcing';
import { FollowerHost } from './follower-host';
import { Stopping } from './stopping';
import { StoreState } from './store-state';

/** So far behind the log a view is still worth asking; at 20,000 events a second it is a tenth of a second. */
const LITTLE_LAG = 2_000n;
/** So long behind, too: in EventStoreDB positions are bytes, and a few events are more than the above. */
const LITTLE_WHILE_MS = 1_000;

export type Readiness = {
  readonly ready: boolean;
  /** What keeps it from being ready. */
  readonly because: readonly string[];
  /** Whether the log takes writes. While it does not, reads go on: that alone makes nobody unready. */
  readonly writable: boolean;
  readonly followers: readonly {
    name: string;
    state: string;
    position: string;
    lag: string;
    lastEventAt: string | null;
    error?: string;
  }[];
};

/** Whether this process should be sent requests. */
@Injectable()
export class Health {
  constructor(
    private readonly followers: FollowerHost,
    private readonly store: StoreState,
    private readonly stopping: Stopping,
  ) {}

  async readiness(): Promise<Readiness> {
    const followers = await this.followers.measured();
    const because = [
      ...(this.stopping.begun ? ['the service is stopping'] : []),
      ...(this.store.failure ? [`the store has failed: ${this.store.failure.message}`] : []),
      ...followers
        .filter((status) => !isUpToDate(status))
        .map(({ name, state, lag }) => `${name} is ${state}, ${lag} behind`),
    ];
    const writable = this.store.writable();
    return { ready: because.length === 0, because, writable, followers: followers.map(shown) };
  }
}

function isUpToDate({ state, lag, behindMs }: FollowStatus): boolean {
  return state === 'live' && (lag <= LITTLE_LAG || behindMs < LITTLE_WHILE_MS);
}

function shown({ name, state, position, lag, lastEventAt, error }: FollowStatus) {
  return {
    name,
    state,
    position: String(position),
    lag: String(lag),
    lastEventAt,
    ...(error === undefined ? {} : { error }),
  };
}
