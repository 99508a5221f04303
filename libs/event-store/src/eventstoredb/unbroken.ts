import { Slices } from '@gatehouse/eventsourcing';
import { Fault, faultOf } from './fault';
import { isOurs } from './stream-reader';

/**
 * What subscriptions give, one after the other, until aborted. One that ends, fails or stalls is made anew when `again`
 * resolves, and nobody notices; `again` throws where it is of no use. Errors of the port are thrown as they are.
 */
export async function* unbroken<T>(
  signal: AbortSignal,
  subscribe: () => AsyncIterable<T>,
  again: (fault: Fault) => Promise<void>,
): AsyncGenerator<T> {
  const slices = new Slices();
  while (!signal.aborted) {
    try {
      for await (const one of subscribe()) {
        yield one;
        if (signal.aborted) return;
        if (slices.over()) await slices.next();
      }
      throw new Fault('lost', 'the subscription was ended');
    } catch (error) {
      if (signal.aborted) return;
      if (isOurs(error)) throw error;
      await again(faultOf(error));
    }
  }
}
