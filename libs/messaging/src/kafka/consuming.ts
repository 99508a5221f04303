import { pause } from '@gatehouse/eventsourcing';
import type { Consumer } from 'kafkajs';
import { within } from './client';

const CLOSE_MS = 3_000;
const REASON_MS = 1_000;
const PAUSE_MS = { first: 500, longest: 10_000 };

/**
 * Keeps a consumer running until aborted: one that crashes is replaced by a new one, after a pause. `start` connects,
 * subscribes and runs it; `failed` hears why it ended.
 */
export async function keepConsuming(
  make: () => Consumer,
  start: (consumer: Consumer) => Promise<void>,
  failed: (error: Error) => void,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = PAUSE_MS.first;
  while (!signal.aborted) {
    const consumer = make();
    let joined = false;
    const off = consumer.on(consumer.events.GROUP_JOIN, () => (joined = true));
    const over = new AbortController();
    try {
      const ended = endOf(consumer, signal, over.signal);
      await Promise.race([within(30_000, 'starting to consume', start(consumer)), ended]);
      await ended;
    } catch (error) {
      failed(error as Error);
    }
    off();
    over.abort();
    await within(CLOSE_MS, 'closing', consumer.disconnect()).catch(() => undefined);
    pauseMs = joined ? PAUSE_MS.first : Math.min(PAUSE_MS.longest, pauseMs * 2);
    await pause(pauseMs, signal);
  }
}

/** Resolves when aborted, rejects when the consumer gave up. Once it is over, nothing of it listens to the signal, which outlives many consumers. */
function endOf(consumer: Consumer, signal: AbortSignal, over: AbortSignal): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    // Before it crashes it stops, and disconnects: the reason comes last.
    consumer.on(consumer.events.STOP, () => {
      setTimeout(() => reject(new Error('the consumer stopped')), REASON_MS).unref();
    });
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
  });
  ended.catch(() => undefined);
  return ended;
}
