import { Injectable, Logger } from '@nestjs/common';
import {
  follow,
  type EventStore,
  type Follower,
  type Following,
  type FollowStatus,
} from '@gatehouse/eventsourcing';

/** Runs the followers of this process, and knows how far each of them is. */
@Injectable()
export class FollowerHost {
  private readonly logger = new Logger('Follower');
  private readonly leaving = new AbortController();
  private readonly running = new Map<string, Following>();

  /** Starts leading a follower along the log. One that stops by itself is reported, and is never ready again. */
  start(store: EventStore, follower: Follower): Following {
    const { name } = follower;
    const following = follow(store, follower, {
      signal: this.leaving.signal,
      onError: (error, willRetry) =>
        this.logger[willRetry ? 'warn' : 'error']({
          follower: name,
          willRetry,
          err: error,
          msg: 'a follower failed',
        }),
    });
    this.running.set(name, following);
    return following;
  }

  get(name: string): Following | undefined {
    return this.running.get(name);
  }

  /** Each follower as last heard of: costs nothing. */
  status(): FollowStatus[] {
    return [...this.running.values()].map((following) => following.status());
  }

  /** The same against the end of the log as it is now. */
  measured(): Promise<FollowStatus[]> {
    return Promise.all([...this.running.values()].map((following) => following.measured()));
  }

  /** Ends the following; what is being handled is finished first. */
  async stop(): Promise<void> {
    this.leaving.abort();
    await Promise.all([...this.running.values()].map((following) => following.done));
  }
}
