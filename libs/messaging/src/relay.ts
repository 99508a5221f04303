import { decode, isModelStream, Undecodable } from '@gatehouse/domain';
import {
  LogTruncated,
  MayPass,
  type Checkpoint,
  type EventStore,
  type Follower,
  type Recorded,
} from '@gatehouse/eventsourcing';
import { batchesOf, type Rendered } from './batches';
import { CHANNELS, topicOf } from './channels';
import type { Checkpoints, RelayCheckpoint } from './checkpoints';
import { Deliveries } from './deliveries';
import type { Envelope } from './messages/envelope';
import { messagesOf } from './messages/messages';
import { PointedAt } from './pointed-at';
import type { Publisher } from './publisher';
import { Whole } from './whole';

/** The relay must not go on by itself: somebody has to look. The message says at what; `told` is for everybody. */
export class RelayStopped extends Error {
  override readonly name = 'RelayStopped';
  constructor(
    message: string,
    readonly told = message,
  ) {
    super(message);
  }
}

export interface RelayOptions extends Envelope {
  readonly store: EventStore;
  readonly publisher: Publisher;
  readonly checkpoints: Checkpoints;
  /** Names this owner; nobody else has had the same. */
  readonly owner: string;
  /** Which election made it the owner; a later one has a higher number. */
  readonly term?: number;
  /** Resolves when this was still the owner after it was asked; rejects when it may not be. */
  readonly confirmed?: () => Promise<void>;
  /** Ends the ownership: nothing more is sent, not even what is at hand; what was acknowledged is still noted down. */
  readonly signal?: AbortSignal;
  /** Of one topic, in one send. */
  readonly maxSendBytes: number;
  readonly now?: () => Date;
}

/**
 * Follows the log and publishes it: at least once, in order for each model. The checkpoint moves when every topic has
 * acknowledged; whatever fails may pass, and is tried again from the checkpoint. Only a log or a checkpoint that cannot
 * be right stops it.
 */
export class Relay implements Follower {
  readonly name = 'relay';
  readonly deliveries: Deliveries;
  private readonly pointedAt: PointedAt;
  private readonly whole: Whole;
  private current: RelayCheckpoint | null = null;
  /** Of the checkpoint that counted when it was last looked at, its own included. */
  generation = 0;

  constructor(private readonly options: RelayOptions) {
    const { store, publisher, prefix, now = () => new Date() } = options;
    const topics = CHANNELS.map((channel) => topicOf(prefix, channel));
    this.deliveries = new Deliveries(publisher, topics, now);
    this.pointedAt = new PointedAt(store);
    this.whole = new Whole(store);
  }

  /** Reads the checkpoint, finds its event in this log if the log is another one by now, and writes it as its own. */
  async checkpoint(): Promise<Checkpoint | null> {
    const { checkpoints, store, owner, term, confirmed } = this.options;
    const newest = await ofKafka(() => checkpoints.newest());
    if (newest === null && (await ofKafka(() => checkpoints.anythingDelivered())))
      throw new RelayStopped(
        'the channels hold messages and there is no checkpoint of the relay: nothing is sent again from the start without being asked for. See "No checkpoint" in docs/channels.md',
      );
    this.generation = newest?.generation ?? 0;
    const { logId } = await mayPass(() => store.log());
    const found = newest ? await this.inThisLog(newest, logId) : startOf(logId);
    const mine = newest?.owner === owner && newest.logId === logId;
    const generation = mine ? newest.generation : (newest?.generation ?? 0) + 1;
    const claim = { ...found, owner, generation, term };
    // A claim, before anything is sent: from here on what earlier owners write does not count. Who slept after reading
    // does not claim: a successor's checkpoint may be among what was read, and would be outdone by an older one.
    if (!mine) {
      if (confirmed) await ofKafka(confirmed);
      await ofKafka(() => checkpoints.save(claim));
    }
    this.current = claim;
    this.generation = generation;
    this.deliveries.startFrom(claim.position, claim.channels);
    return claim.position === 0n ? null : claim;
  }

  async handle(events: readonly Recorded[], { logId }: Checkpoint): Promise<void> {
    const { maxSendBytes, checkpoints, signal } = this.options;
    for await (const batch of batchesOf(this.render(events, logId), maxSendBytes)) {
      if (signal?.aborted) throw new MayPass('this process no longer relays');
      await ofKafka(() => this.deliveries.send(batch));
      // Also of a former owner: what it writes late never wins.
      const { position, stream, revision, id } = batch.last;
      const channels = this.deliveries.channels();
      const { owner, generation, term } = this.current!;
      const next = { logId, position, stream, revision, id, channels, generation, owner, term };
      await ofKafka(() => checkpoints.save(next));
      this.current = next;
    }
  }

  /** `checkpoint` has looked for its event already: if the log does not hold it there, the log has changed meanwhile. */
  async reset(): Promise<void> {
    throw new RelayStopped(
      'the log no longer holds the event of the checkpoint in its place: see "Another log" in docs/channels.md',
    );
  }

  private async *render(events: readonly Recorded[], logId: string): AsyncGenerator<Rendered> {
    for (const event of events) {
      if (!isModelStream(event.stream)) {
        // Policies and rights are no releases: the channels say nothing of them.
        yield { event, messages: [] };
        continue;
      }
      const fact = decode(event);
      await mayPass(() => this.whole.check(event));
      const told = await mayPass(() => this.pointedAt.toldOf(event.stream, fact));
      const messages = messagesOf({ fact, stream: event.stream, logId }, told, this.options);
      this.pointedAt.remember(event.stream, fact, messages[0]!.value?.length ?? this.options.maxRecordBytes);
      yield { event, messages };
    }
  }

  /** A restored or migrated log has another id and other positions; the event itself says where to go on. */
  private async inThisLog(kept: RelayCheckpoint, logId: string): Promise<RelayCheckpoint> {
    if (kept.logId === logId) return kept;
    if (kept.position === 0n) return { ...startOf(logId), generation: kept.generation };
    const { stream, revision, id } = kept;
    const found = await mayPass(() => this.eventAt(stream, revision));
    if (found?.id !== id)
      throw new RelayStopped(
        `the relay's checkpoint is of log ${kept.logId}, and log ${logId} does not hold its event (${stream}, revision ${revision}, ${id}): see "Another log" in docs/channels.md`,
        `the relay's checkpoint is of log ${kept.logId}, and log ${logId} does not hold its event: see "Another log" in docs/channels.md`,
      );
    const at = ([topic, { at }]: [string, { at: string | null }]) => [
      topic,
      { position: found.position, at },
    ];
    return {
      ...kept,
      logId,
      position: found.position,
      // What channels were ahead is not known in positions of this log: they get it again.
      channels: Object.fromEntries(Object.entries(kept.channels).map(at)) as RelayCheckpoint['channels'],
    };
  }

  private async eventAt(stream: string, revision: bigint): Promise<Recorded | null> {
    for await (const event of this.options.store.read(stream, revision)) return event;
    return null;
  }
}

function startOf(logId: string): RelayCheckpoint {
  return { logId, position: 0n, stream: '', revision: -1n, id: '', generation: 0, owner: '', channels: {} };
}

/** What Kafka says names no stream: all of it may be told. */
async function ofKafka<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { message } = error as Error;
    throw new MayPass(message, { cause: error, told: message });
  }
}

/** What fails here is outside, and may pass; what the log says, does not. */
async function mayPass<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof LogTruncated || error instanceof Undecodable || error instanceof RelayStopped)
      throw error;
    throw new MayPass((error as Error).message, { cause: error });
  }
}
