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
  private readonly running = new Map<
    string,
    { following: Following; leaving: AbortController; beside: boolean }
  >();

  /**
   * Starts leading a follower along the log. One that stops by itself is reported, and is never ready again. No answer
   * needs one that is `beside`: where it is behind, the process is degraded, not unready.
   */
  start(store: EventStore, follower: Follower, { beside = false }: { beside?: boolean } = {}): Following {
    const { name } = follower;
    const leaving = new AbortController();
    const following = follow(store, follower, {
      signal: leaving.signal,
      onReset: () =>
        this.logger.warn({
          follower: name,
          msg: 'the log is another one, or an older copy: starting from zero',
        }),
      onError: (error, willRetry) =>
        this.logger[willRetry ? 'warn' : 'error']({
          follower: name,
          willRetry,
          err: error,
          msg: 'a follower failed',
        }),
    });
    this.running.set(name, { following, leaving, beside });
    return following;
  }

  get(name: string): Following | undefined {
    return this.running.get(name)?.following;
  }

  /** Each follower, against the end of the log as it is now. */
  measured(): Promise<(FollowStatus & { readonly beside: boolean })[]> {
    return Promise.all(
      [...this.running.values()].map(async ({ following, beside }) => ({
        ...(await following.measured()),
        beside,
      })),
    );
  }

  /**
   * Ends the following, the last one first, because it may wait for what those before it do. What is being handled is
   * finished.
   */
  async stop(): Promise<void> {
    for (const { following, leaving } of [...this.running.values()].reverse()) {
      leaving.abort();
      await following.done;
    }
  }
}
