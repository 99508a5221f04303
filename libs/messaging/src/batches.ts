import type { Recorded } from '@gatehouse/eventsourcing';
import { bytesOf } from './messages/envelope';
import type { Message } from './publisher';

/** Some consecutive events that go out in one send. */
export type Batch = {
  readonly last: Recorded;
  readonly items: readonly { readonly position: bigint; readonly message: Message }[];
};

/** What one event became. */
export type Rendered = { readonly event: Recorded; readonly messages: readonly Message[] };

/**
 * Gathers events into sends. The messages of one event stay together; of one topic no send has more than so many
 * bytes, whichever partitions they go to (the broker's limit is for each partition), but one record always goes.
 */
export async function* batchesOf(
  rendered: AsyncIterable<Rendered>,
  mostBytesOfATopic: number,
): AsyncGenerator<Batch> {
  let items: { position: bigint; message: Message }[] = [];
  let last: Recorded | undefined;
  const bytes = new Map<string, number>();
  try {
    for await (const { event, messages } of rendered) {
      const sizes = messages.map((message) => [message.topic, bytesOf(message)] as const);
      const full = sizes.some(([topic, size]) => (bytes.get(topic) ?? 0) + size > mostBytesOfATopic);
      if (full && last) {
        yield { last, items };
        items = [];
        bytes.clear();
      }
      for (const [topic, size] of sizes) bytes.set(topic, (bytes.get(topic) ?? 0) + size);
      for (const message of messages) items.push({ position: event.position, message });
      last = event;
    }
  } catch (error) {
    // What stands before an event that nobody can render goes out all the same.
    if (last) yield { last, items };
    throw error;
  }
  if (last) yield { last, items };
}
