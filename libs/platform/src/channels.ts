import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventStore } from '@gatehouse/eventsourcing';
import { openRelay, type ChannelsStatus, type KafkaLog, type KafkaRelay } from '@gatehouse/messaging';
import { channelMetrics } from './channel-metrics';
import { Metrics } from './metrics';
import { Settings } from './settings';
import { EVENT_STORE } from './store.tokens';

/** Injection token: whether this process relays. Undefined: if the log is its own alone. */
export const RELAYS = Symbol('Relays');

/** Behind for longer than this is worth a word in `/readyz`. */
const MOST_BEHIND_MS = 5_000;

/** The fan-out through Kafka, as far as it is this process's: its relay, or what it knows of the one elsewhere. */
@Injectable()
export class Channels implements OnApplicationBootstrap {
  private readonly logger = new Logger('Relay');
  private relay: KafkaRelay | null = null;

  constructor(
    private readonly settings: Settings,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(RELAYS) private readonly relays: boolean | undefined,
    metrics: Metrics,
  ) {
    channelMetrics(metrics.registry, this);
  }

  /** Waits for nothing: a broker that is away is nobody's business but the relay's. */
  onApplicationBootstrap(): void {
    const { kafka, publicUrl } = this.settings;
    if (kafka === undefined) return;
    this.relay = openRelay({
      kafka: kafka.connection,
      topics: kafka.topics,
      maxBatchBytes: kafka.maxBatchBytes,
      publicUrl,
      store: this.store,
      log: this.log(),
      relays: this.relays ?? !this.store.shared,
    });
  }

  /** How far every channel is; null where nothing is fanned out. */
  async status(): Promise<ChannelsStatus | null> {
    return this.relay?.status() ?? null;
  }

  /** Before the store is closed, which the relay reads. */
  async stop(): Promise<void> {
    await this.relay?.stop();
  }

  private log(): KafkaLog {
    return {
      log: (level, fields, msg) => this.logger[level === 'info' ? 'log' : level]({ ...fields, msg }),
    };
  }
}

/** What is not as it should be, in sentences; nothing of it makes a process unready. */
export function degradedBy(status: ChannelsStatus | null): string[] {
  if (status === null) return [];
  const { role, error, stopped, channels } = status;
  const is = stopped === undefined ? role : 'stopped';
  const relay = error === undefined ? [] : [`the relay is ${is}: ${stopped ?? error}`];
  const behind = channels
    .filter(({ state, behindMs }) => (state !== 'live' && state !== 'behind') || behindMs > MOST_BEHIND_MS)
    .map(({ topic, state, behindMs }) =>
      behindMs === 0 ? `${topic} is ${state}` : `${topic} is ${state}, for ${Math.round(behindMs / 1_000)} s`,
    );
  return [...relay, ...behind];
}
