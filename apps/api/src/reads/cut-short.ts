/**
 * The same items. When `left` is aborted for a reason that the reader can be told (the process stops, their right has
 * ended), nothing more is told and the reason is thrown: what was cut short never ends like what is complete.
 */
export async function* orCutShort<T>(
  items: AsyncIterable<T>,
  left: AbortController,
): AsyncGenerator<T, void> {
  try {
    for await (const item of items) {
      throwIfCutShort(left.signal);
      yield item;
    }
    throwIfCutShort(left.signal);
  } finally {
    // Whoever watches over the stream has nothing to watch over any more.
    left.abort();
  }
}

/** A reader who left by themselves is told nothing: such an abort has no reason of ours. */
function throwIfCutShort({ aborted, reason }: AbortSignal): void {
  if (aborted && !(reason instanceof DOMException)) throw reason;
}
