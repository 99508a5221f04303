import type { Consumer, Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { relayTopic } from '../channels';
import {
  checkpointFrom,
  checkpointText,
  newer,
  stopFrom,
  type Checkpoints,
  type RelayCheckpoint,
  type Stop,
} from '../checkpoints';
import type { Publisher } from '../publisher';
import { within } from './client';
import { keepConsuming } from './consuming';
import { anythingDelivered, withAdmin } from './topics';

const READ_MS = 20_000;
const LATEST_MS = 1_000;
/** Not one of an owner's: those begin with a number. */
const STOP_KEY = 'stopped';

/**
 * The relay's topic as a place for checkpoints. It is followed from its beginning for as long as this lives, by a
 * consumer of its own; the newest record wins, whatever order they were written in.
 */
export class KafkaCheckpoints implements Checkpoints {
  private latest: RelayCheckpoint | null = null;
  private stop: Stop | null = null;
  /** Everything before this offset has been read. */
  private read = 0n;
  private readonly keys = new Map<string, number>();
  private wake: () => void = () => undefined;
  private readonly leaving = new AbortController();
  private readonly done: Promise<void>;

  constructor(
    private readonly kafka: Kafka,
    private readonly prefix: string,
    private readonly publisher: Publisher | null,
  ) {
    this.done = keepConsuming(
      () => this.consumer(),
      (consumer) => this.start(consumer),
      () => undefined,
      this.leaving.signal,
    );
  }

  /** As last heard of: costs nothing. */
  get known(): RelayCheckpoint | null {
    return this.latest;
  }

  /** Why nobody relays any more, as last heard of; null as long as the last owner did not give up. */
  get stopped(): string | null {
    const { stop, latest } = this;
    return stop !== null && stop.generation >= (latest?.generation ?? 0) ? stop.stopped : null;
  }

  async newest(): Promise<RelayCheckpoint | null> {
    const topic = relayTopic(this.prefix);
    const read = this.end().then((end) => this.readTo(end));
    await within(READ_MS, `reading ${topic}`, read, this.leaving.signal);
    return this.latest;
  }

  async save(checkpoint: RelayCheckpoint): Promise<void> {
    if (this.publisher === null) throw new Error('who only looks on saves no checkpoint');
    const key = keyOf(checkpoint);
    const outdated = [...this.keys].filter(([, generation]) => generation < checkpoint.generation - 1);
    await this.publisher.publish([this.message(key, Buffer.from(checkpointText(checkpoint)))]);
    this.take(checkpoint);
    // Only now that a newer one is durable. What is written late under such a key is older than this one all the same.
    if (outdated.length === 0) return;
    for (const [old] of outdated) this.keys.delete(old);
    await this.publisher.publish(outdated.map(([old]) => this.message(old, null)));
  }

  /**
   * Tells whoever looks on that the owner gave up, which holds until another one claims. Elsewhere it is heard only of
   * who still owned: a successor may be at work already, who does not have to answer for this.
   */
  async giveUp(stop: Stop, confirmed: () => Promise<void>): Promise<void> {
    this.stop = stop;
    await confirmed();
    await this.publisher?.publish([this.message(STOP_KEY, Buffer.from(JSON.stringify(stop)))]);
  }

  anythingDelivered(): Promise<boolean> {
    const asked = anythingDelivered(this.kafka, this.prefix);
    return within(READ_MS, 'asking for what was delivered', asked, this.leaving.signal);
  }

  async close(): Promise<void> {
    this.leaving.abort();
    await this.done;
  }

  private message(key: string, value: Buffer | null) {
    return { topic: relayTopic(this.prefix), key, headers: { 'content-type': 'application/json' }, value };
  }

  private take(checkpoint: RelayCheckpoint): void {
    this.latest = newer(this.latest, checkpoint);
    this.keys.set(keyOf(checkpoint), checkpoint.generation);
  }

  private async end(): Promise<bigint> {
    const [offsets] = await withAdmin(this.kafka, (admin) =>
      admin.fetchTopicOffsets(relayTopic(this.prefix)),
    );
    // Nothing between them: the topic is empty.
    return offsets === undefined || offsets.high === offsets.low ? 0n : BigInt(offsets.high);
  }

  private async readTo(end: bigint): Promise<void> {
    while (this.read < end && !this.leaving.signal.aborted)
      await new Promise<void>((resolve) => (this.wake = resolve));
  }

  private consumer(): Consumer {
    return this.kafka.consumer({
      // Nobody else is in this group, and nothing is committed to it: the broker forgets it.
      groupId: `${this.prefix}.relay.reader.${randomUUID()}`,
      retry: { retries: 2, initialRetryTime: 100, restartOnFailure: async () => false },
      maxWaitTimeInMs: LATEST_MS,
      allowAutoTopicCreation: false,
    });
  }

  private async start(consumer: Consumer): Promise<void> {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      // From the beginning again; what is known stays true.
      this.read = 0n;
    });
    await consumer.connect();
    await consumer.subscribe({ topic: relayTopic(this.prefix), fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { messages } }) => {
        for (const { key, value } of messages) {
          const checkpoint = value && checkpointFrom(value.toString());
          if (checkpoint) this.take(checkpoint);
          else if (value) this.stop = stopFrom(value.toString()) ?? this.stop;
          else if (key) this.keys.delete(key.toString());
        }
        this.read = BigInt(messages.at(-1)?.offset ?? '-1') + 1n;
        this.wake();
      },
    });
  }
}

/** Nobody else writes under it: compaction never takes one owner's record for another's. */
function keyOf({ generation, owner }: RelayCheckpoint): string {
  return `${generation}.${owner}`;
}
