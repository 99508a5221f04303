import { newer, type Checkpoints, type RelayCheckpoint } from '../checkpoints';
import { Refused, type Message, type Publisher } from '../publisher';

/** Topics in memory: a whole publisher, which keeps what it is sent, and refuses or breaks where it is told to. */
export class MemoryTopics implements Publisher {
  /** Every send, as it was acknowledged. */
  readonly sends: (readonly Message[])[] = [];
  /** A send with any of these topics takes the others and refuses these, as brokers do. */
  readonly refusing = new Set<string>();
  /** The next sends are taken and their answer is lost; so many. */
  answersLost = 0;
  private closed = false;

  async publish(messages: readonly Message[]): Promise<void> {
    if (this.closed) throw new Error('the publisher is closed');
    const taken = messages.filter(({ topic }) => !this.refusing.has(topic));
    if (taken.length > 0) this.sends.push(taken);
    if (taken.length < messages.length) throw new Refused('a topic refused');
    if (this.answersLost > 0) {
      this.answersLost -= 1;
      throw new Error('the answer was lost');
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** What a topic holds, by `ce_id`. */
  ids(topic: string): string[] {
    return this.sends.flatMap((sent) =>
      sent.filter((message) => message.topic === topic).map(({ headers }) => headers['ce_id']!),
    );
  }
}

/** A compacted topic in memory: the last record of each key; whoever reads takes the newest. */
export class MemoryCheckpoints implements Checkpoints {
  readonly records = new Map<string, RelayCheckpoint>();
  /** The next saves fail; so many. */
  failing = 0;

  constructor(private readonly topics: MemoryTopics) {}

  async newest(): Promise<RelayCheckpoint | null> {
    return [...this.records.values()].reduce<RelayCheckpoint | null>(newer, null);
  }

  async save(checkpoint: RelayCheckpoint): Promise<void> {
    if (this.failing > 0) {
      this.failing -= 1;
      throw new Error('not saved');
    }
    this.records.set(`${checkpoint.generation}.${checkpoint.owner}`, checkpoint);
  }

  async anythingDelivered(): Promise<boolean> {
    return this.topics.sends.length > 0;
  }
}
