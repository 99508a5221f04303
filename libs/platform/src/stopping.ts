import { Injectable } from '@nestjs/common';
import { EdgeProblem } from './edge-problem';

/** Whether the process is on its way out. Streams end and new requests are refused as soon as it is. */
@Injectable()
export class Stopping {
  private readonly streams = new Set<AbortController>();
  begun = false;

  /** The signal of a stream, which is aborted when its reader has left, and now also when the stop begins, which is the reason then. */
  alsoEnds(stream: AbortController): AbortSignal {
    const { signal } = stream;
    if (this.begun) stream.abort(stopping());
    if (signal.aborted) return signal;
    // Not AbortSignal.any: it would tie every stream there ever was to a signal that lives as long as the process.
    this.streams.add(stream);
    signal.addEventListener('abort', () => this.streams.delete(stream), { once: true });
    return signal;
  }

  begin(): void {
    this.begun = true;
    for (const stream of this.streams) stream.abort(stopping());
  }
}

/** What whoever reads a stream, or asks for anything, is answered from then on. */
export function stopping(): EdgeProblem {
  return new EdgeProblem('stopping', 'The service is stopping: connect again.', { retryAfter: 2 });
}
