import { Injectable } from '@nestjs/common';
import type { FollowStatus } from '@gatehouse/eventsourcing';
import type { ChannelStatus } from '@gatehouse/messaging';
import { Accesses, SILENT_MS } from './access/accesses';
import { Channels, degradedBy } from './channels';
import { FollowerHost } from './follower-host';
import { Stopping } from './stopping';
import { StoreState, type LogHealth } from './store-state';

/** So far behind the log a view is still worth asking; at 20,000 events a second it is a tenth of a second. */
const LITTLE_LAG = 2_000n;
/** So long behind, too: in EventStoreDB positions are bytes, and a few events are more than the above. */
const LITTLE_WHILE_MS = 1_000;

export type Readiness = {
  readonly ready: boolean;
  /** What keeps it from being ready. */
  readonly because: readonly string[];
  /** Whether the log takes writes. While it does not, reads go on, as long as the log answers: that alone makes nobody unready. */
  readonly writable: boolean;
  readonly followers: readonly {
    name: string;
    state: string;
    position: string;
    lag: string;
    lastEventAt: string | null;
    error?: string;
  }[];
  /** What is worth a look, and keeps nobody from being ready: a log that takes no writes, the fan-out, the pointer files. */
  readonly degraded: readonly string[];
  /** Absent where nothing is fanned out. */
  readonly channels?: readonly ShownChannel[];
};

/** A channel as it is told: positions are decimal strings. */
export type ShownChannel = {
  readonly topic: string;
  readonly position: string | null;
  readonly lag: string | null;
  readonly lastDeliveryAt: string | null;
  readonly state: ChannelStatus['state'];
  readonly error?: string;
};

/** Whether this process should be sent requests. */
@Injectable()
export class Health {
  constructor(
    private readonly followers: FollowerHost,
    private readonly store: StoreState,
    private readonly stopping: Stopping,
    private readonly channels: Channels,
    private readonly accesses: Accesses,
  ) {}

  async readiness(): Promise<Readiness> {
    const [followers, log] = await Promise.all([this.followers.measured(), this.store.check()]);
    const because = [
      ...(this.stopping.begun ? ['the service is stopping'] : []),
      ...(this.store.failure ? [`the store has failed: ${this.store.failure.message}`] : []),
      ...(log.silentMs >= SILENT_MS ? [silent(log)] : []),
      ...behind(followers.filter(({ beside }) => !beside)),
    ];
    const fanOut = await this.channels.status();
    return {
      ready: because.length === 0,
      because,
      writable: log.writable,
      followers: followers.map(shown),
      degraded: [
        ...(log.writable || log.silentMs >= SILENT_MS ? [] : [`the log takes no writes: ${log.reason}`]),
        ...this.accesses.stale(),
        ...gaps(this.store.gaps()),
        ...behind(followers.filter(({ beside }) => beside)),
        ...degradedBy(fanOut),
      ],
      ...(fanOut && { channels: fanOut.channels.map(shownChannel) }),
    };
  }
}

function gaps(models: number): string[] {
  if (models === 0) return [];
  return [
    `the log has lost the beginning of ${models} model(s): nothing is decided on them, and no view has them`,
  ];
}

function silent({ silentMs, reason }: LogHealth): string {
  return `the log has been silent for ${Math.round(silentMs / 1_000)} s, so nobody knows who may still do what: ${reason}`;
}

function behind(followers: readonly FollowStatus[]): string[] {
  return followers
    .filter((status) => !isUpToDate(status))
    .map(({ name, state, lag }) => `${name} is ${state}, ${lag} behind`);
}

function isUpToDate({ state, lag, behindMs }: FollowStatus): boolean {
  return state === 'live' && (lag <= LITTLE_LAG || behindMs < LITTLE_WHILE_MS);
}

export function shownChannel({ position, lag, ...channel }: ChannelStatus): ShownChannel {
  const text = (value: bigint | null) => (value === null ? null : String(value));
  const { topic, lastDeliveryAt, state, error } = channel;
  const place = { topic, position: text(position), lag: text(lag), lastDeliveryAt, state };
  return error === undefined ? place : { ...place, error };
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
