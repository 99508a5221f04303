import { SLICE_MS } from './slices';

/** What an iterator gave in one go. */
export interface Gathered<T> {
  readonly items: T[];
  /** Asked for already, not there yet; goes into the next `gather`. Null at the end. */
  readonly next: Promise<IteratorResult<T>> | null;
  /** Whether it stopped because nothing more was ready, not because this was enough. */
  readonly idle: boolean;
}

/** Waits for one item, then takes what else is there at once: up to `most` items or one slice of time. */
export async function gather<T>(
  iterator: AsyncIterator<T>,
  asked: Promise<IteratorResult<T>>,
  most: number,
): Promise<Gathered<T>> {
  const first = await asked;
  if (first.done) return { items: [], next: null, idle: true };
  return takeReady(iterator, [first.value], most);
}

/**
 * While items are ready, one follows another without a turn of the event loop. So an immediate that is set when
 * the first one came runs exactly when nothing is ready any more.
 */
function takeReady<T>(iterator: AsyncIterator<T>, items: T[], most: number): Promise<Gathered<T>> {
  return new Promise((resolve) => {
    const enough = performance.now() + SLICE_MS;
    let open = true;
    let next: Promise<IteratorResult<T>> | null = null;
    const finish = (idle: boolean) => {
      if (!open) return;
      open = false;
      clearImmediate(immediate);
      resolve({ items, next, idle });
    };
    const ask = () => {
      next = iterator.next();
      // What came before an error is handled first; the next `gather` meets the error.
      next.then(take, () => finish(false));
    };
    const take = (result: IteratorResult<T>) => {
      if (!open) return;
      if (result.done) {
        next = null;
        return finish(true);
      }
      items.push(result.value);
      ask();
      if (items.length >= most || (items.length % 16 === 0 && performance.now() >= enough)) finish(false);
    };
    const immediate = setImmediate(() => finish(true));
    ask();
  });
}
