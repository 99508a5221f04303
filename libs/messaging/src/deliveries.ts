import type { Batch } from './batches';
import type { Delivered } from './checkpoints';
import { Refused, type Message, type Publisher } from './publisher';

/**
 * Sends batches, and remembers what each topic has acknowledged: when one of them refuses, what the others have is not
 * sent to them again.
 */
export class Deliveries {
  /** By topic: why its last send failed; empty while all is well. */
  readonly failures = new Map<string, string>();
  private readonly delivered = new Map<string, Delivered>();
  /** After a failure each topic gets a send of its own: the answer to a common one does not say who refused. */
  private apart = false;

  constructor(
    private readonly publisher: Publisher,
    private readonly topics: readonly string[],
    private readonly now: () => Date,
  ) {}

  /** Starts from what a checkpoint says of each topic, or from what is known better: what was acknowledged stays so. */
  startFrom(position: bigint, channels: { readonly [topic: string]: Delivered }): void {
    for (const topic of this.topics) {
      const [kept, known] = [channels[topic], this.delivered.get(topic)];
      const ahead = [kept, known].reduce(
        (most, one) => (one && one.position > most ? one.position : most),
        position,
      );
      this.delivered.set(topic, { position: ahead, at: known?.at ?? kept?.at ?? null });
    }
  }

  channels(): { [topic: string]: Delivered } {
    return Object.fromEntries(this.delivered);
  }

  /** Resolves when every topic has acknowledged all of it; rejects otherwise, and knows what is left. */
  async send({ items, last }: Batch): Promise<void> {
    const open = items.filter(({ message, position }) => !this.has(message.topic, position));
    const messages = open.map(({ message }) => message);
    if (this.apart) await this.sendApart(messages, last.position);
    else await this.sendTogether(messages);
    for (const topic of this.topics) this.reached(topic, last.position, sentTo(topic, messages));
    this.apart = false;
    this.failures.clear();
  }

  private async sendTogether(messages: readonly Message[]): Promise<void> {
    try {
      if (messages.length > 0) await this.publisher.publish(messages);
    } catch (error) {
      this.apart = true;
      for (const topic of this.topics) this.failures.set(topic, (error as Error).message);
      throw error;
    }
  }

  private async sendApart(messages: readonly Message[], position: bigint): Promise<void> {
    let refusal: Error | undefined;
    for (const topic of this.topics) {
      const own = messages.filter((message) => message.topic === topic);
      try {
        if (own.length > 0) await this.publisher.publish(own);
        this.reached(topic, position, own.length > 0);
        this.failures.delete(topic);
      } catch (error) {
        refusal ??= error as Error;
        this.failures.set(topic, (error as Error).message);
        // Nobody answers: the others would only be waited for, too.
        if (!(error instanceof Refused)) throw error;
      }
    }
    if (refusal) throw refusal;
  }

  private has(topic: string, position: bigint): boolean {
    return (this.delivered.get(topic)?.position ?? 0n) >= position;
  }

  private reached(topic: string, position: bigint, sent: boolean): void {
    const before = this.delivered.get(topic);
    if (before !== undefined && before.position >= position) return;
    this.delivered.set(topic, { position, at: sent ? this.now().toISOString() : (before?.at ?? null) });
  }
}

function sentTo(topic: string, messages: readonly Message[]): boolean {
  return messages.some((message) => message.topic === topic);
}
