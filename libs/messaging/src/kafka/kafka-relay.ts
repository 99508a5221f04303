import {
  type EventStore,
  follow,
  type Following,
  type LogState,
  pause,
  Question,
  reasonOf,
  settlesWithin,
} from '@gatehouse/eventsourcing';
import type { Kafka } from 'kafkajs';
import { Behind } from '../behind';
import { channelsStatus, type ChannelsStatus, type RelayRole } from '../channel-status';
import { Relay, RelayStopped } from '../relay';
import { KafkaCheckpoints } from './checkpoints';
import { kafkaClient, type KafkaLog, type KafkaSettings } from './client';
import { Ownership, type Term } from './ownership';
import { KafkaPublisher } from './publisher';
import { ensureTopics, type TopicSettings } from './topics';

export interface KafkaRelayOptions {
  readonly kafka: KafkaSettings;
  readonly topics: TopicSettings;
  /** The largest record batch that the brokers take; 80 % of it is used. */
  readonly maxBatchBytes: number;
  readonly publicUrl?: string;
  readonly store: EventStore;
  readonly log: KafkaLog;
  /** False: another process relays, and this one only looks on. */
  readonly relays: boolean;
}

const USED_OF_A_BATCH = 0.8;
/** Events in memory at once, at most; each can take 512 KiB. */
const EVENTS = 250;
const RETRY_MS = { first: 200, longest: 60_000 };
/** What a stop waits for, one after the other: together less than a process has to end. */
const STOP_MS = { sent: 3_000, closed: 3_000, ended: 1_000 };
/** So long who asks for the status waits for the log to say where it ends. */
const MEASURE_MS = 1_000;
const NO_FAILURES: ReadonlyMap<string, string> = new Map();

/**
 * Fan-out through Kafka, as one process has it: makes the topics, stands for ownership, and relays while it is the
 * owner. Nothing waits for it, and nothing that fails in it reaches anybody but through `status`.
 */
export class KafkaRelay {
  private readonly client: Kafka;
  private readonly publisher: KafkaPublisher;
  private readonly behind = new Behind();
  private readonly leaving = new AbortController();
  private checkpoints: KafkaCheckpoints | null = null;
  private ownership: Ownership | null = null;
  private maxBatchBytes: number;
  private serving: Promise<void> = Promise.resolve();
  private active: { readonly relay: Relay; readonly following: Following } | null = null;
  private error: string | undefined;
  /** The log as it last said it is. */
  private heard: LogState | null = null;
  private readonly end = new Question(
    async () => void (this.heard = await this.options.store.log()),
    MEASURE_MS,
  );
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(private readonly options: KafkaRelayOptions) {
    this.client = kafkaClient(options.kafka, options.log);
    this.publisher = new KafkaPublisher(this.client);
    this.maxBatchBytes = options.maxBatchBytes;
    this.running = this.run();
  }

  /** How far every channel is, against the end of the log as it is now; within a second, then as it was last heard of. */
  async status(): Promise<ChannelsStatus> {
    await this.end.answered();
    const log = this.heard;
    const { prefix } = this.options.topics;
    const failures = this.active?.relay.deliveries.failures ?? NO_FAILURES;
    // Until it has been noted down where others read it, too.
    const here = this.stopped && (this.active || !this.checkpoints) ? this.error! : null;
    const stopped = this.checkpoints?.stopped ?? here;
    return channelsStatus(
      prefix,
      { ...this.role(), stopped },
      this.progress(log),
      log,
      failures,
      this.behind,
    );
  }

  /**
   * Gives up ownership, and finishes what is being sent if the broker answers in time. What is cut off is sent again by
   * who relays next: without an answer the checkpoint does not move, and afterwards nothing can write it.
   */
  async stop(): Promise<void> {
    this.leaving.abort();
    await settlesWithin(STOP_MS.sent, Promise.all([this.ownership?.leave(), this.serving]));
    await settlesWithin(STOP_MS.closed, Promise.all([this.publisher.close(), this.checkpoints?.close()]));
    await settlesWithin(STOP_MS.ended, Promise.all([this.serving, this.running]));
  }

  private async run(): Promise<void> {
    const { relays, topics } = this.options;
    if (relays && !(await this.topicsAreThere())) return;
    if (this.leaving.signal.aborted) return;
    this.checkpoints = new KafkaCheckpoints(this.client, topics.prefix, relays ? this.publisher : null);
    if (relays) this.ownership = new Ownership(this.client, topics.prefix, (term) => this.serve(term));
  }

  /** Asks until they are there. False: they are, and cannot be used; or this process stops. */
  private async topicsAreThere(): Promise<boolean> {
    const { signal } = this.leaving;
    for (let ms = RETRY_MS.first; !signal.aborted; ms = Math.min(ms * 2, 10_000)) {
      try {
        const taken = await ensureTopics(this.client, this.options.topics, this.options.log);
        this.maxBatchBytes = Math.min(this.options.maxBatchBytes, taken);
        this.error = undefined;
        return true;
      } catch (error) {
        this.failed(error as Error, !(error instanceof RelayStopped), (error as Error).message);
        if (this.stopped) return false;
        await pause(ms, signal);
      }
    }
    return false;
  }

  /** One term after the other: two relays of one process never send at the same time. */
  private serve(term: Term): void {
    this.serving = this.serving.then(() => this.lead(term));
  }

  private async lead({ owner, signal, term, confirmed }: Term): Promise<void> {
    if (signal.aborted) return;
    const { store, publicUrl, topics, log } = this.options;
    const bytes = Math.floor(this.maxBatchBytes * USED_OF_A_BATCH);
    const relay = new Relay({
      store,
      publisher: this.publisher,
      checkpoints: this.checkpoints!,
      owner,
      term,
      confirmed,
      signal,
      prefix: topics.prefix,
      publicUrl,
      maxRecordBytes: bytes,
      maxSendBytes: bytes,
    });
    this.stopped = false;
    this.error = undefined;
    const following = follow(store, relay, {
      signal,
      batch: EVENTS,
      retryMs: RETRY_MS,
      onError: (error, willRetry) => !signal.aborted && this.failed(error, willRetry),
      onProgress: () => (this.error = undefined),
    });
    this.active = { relay, following };
    log.log('info', { owner }, 'this process relays');
    await following.done;
    if (!signal.aborted) await this.giveUp(relay, confirmed);
    this.active = null;
    log.log('info', { owner }, 'this process no longer relays');
  }

  /** It cannot go on, but another may: of a newer release, or with another log. So it says why and leaves the group. */
  private async giveUp({ generation }: Relay, confirmed: Term['confirmed']): Promise<void> {
    try {
      await this.checkpoints!.giveUp({ stopped: this.error!, generation }, confirmed);
    } catch (error) {
      this.options.log.log('warn', { err: error }, 'nobody was told why the relay stopped');
    }
    void this.ownership!.leave();
  }

  private role(): { role: RelayRole; error?: string } {
    const error = this.error ?? this.ownership?.error;
    if (this.stopped) return { role: 'stopped', error };
    if (!this.options.relays) return { role: this.checkpoints?.known ? 'observer' : 'connecting', error };
    if (this.active) return { role: 'active', error };
    return { role: this.ownership?.joined ? 'standby' : 'connecting', error };
  }

  /** Of the relay in this process, if it has begun; else what was written down last. */
  private progress(log: LogState | null) {
    const kept = this.checkpoints?.known ?? null;
    const channels = this.active?.relay.deliveries.channels() ?? {};
    if (log === null || Object.keys(channels).length === 0) return kept;
    return { logId: log.logId, channels, position: 0n };
  }

  /** Of what went wrong everybody may read `told`; the rest is for the log. */
  private failed(error: Error, willRetry: boolean, told = reasonOf(error)): void {
    this.error = told;
    this.stopped = !willRetry;
    const { log } = this.options;
    log.log(willRetry ? 'warn' : 'error', { err: error, willRetry }, 'the relay failed');
  }
}
