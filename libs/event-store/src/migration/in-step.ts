import type { EventStore, Recorded } from '@gatehouse/eventsourcing';

/** The n-th event of either log; undefined where a log has ended. */
export type Pair = { readonly source: Recorded | undefined; readonly target: Recorded | undefined };

/** Two logs side by side, from their first events to the end of the longer one; whoever has enough breaks off. */
export async function* inStep(source: EventStore, target: EventStore): AsyncGenerator<Pair> {
  const leaving = new AbortController();
  const options = { follow: false, signal: leaving.signal };
  const [ours, theirs] = [source, target].map((store) =>
    store.readAll(0n, options)[Symbol.asyncIterator](),
  ) as [AsyncIterator<Recorded>, AsyncIterator<Recorded>];
  try {
    for (;;) {
      const [one, other] = await Promise.all([ours.next(), theirs.next()]);
      if (one.done && other.done) return;
      yield { source: one.done ? undefined : one.value, target: other.done ? undefined : other.value };
    }
  } finally {
    leaving.abort();
    await Promise.all([ours.return?.(), theirs.return?.()]);
  }
}
