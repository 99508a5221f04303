import { StoreUnavailable } from '@gatehouse/eventsourcing';

/** What may wait for the server, in bytes of JSON: above it appends are refused, and memory stays bounded. */
const MOST_WAITING = 64 * 1024 * 1024;

/** Appends to one stream go one after the other, in the order they came; to different streams at once. */
export class Lanes {
  private readonly tails = new Map<string, Promise<unknown>>();
  private bytes = 0;
  private running = 0;
  private closing = false;

  /** Appends that wait for their answer. */
  get queued(): number {
    return this.running;
  }

  async run<T>(stream: string, bytes: number, job: () => Promise<T>): Promise<T> {
    if (this.closing) throw new StoreUnavailable('the log is being closed');
    if (this.bytes > MOST_WAITING) throw new StoreUnavailable('too much waits to be written');
    this.bytes += bytes;
    this.running += 1;
    const mine = (this.tails.get(stream) ?? Promise.resolve()).then(job);
    const tail = mine.catch(() => undefined);
    this.tails.set(stream, tail);
    try {
      return await mine;
    } finally {
      this.bytes -= bytes;
      this.running -= 1;
      if (this.tails.get(stream) === tail) this.tails.delete(stream);
    }
  }

  /** Takes no more; resolves when all that waits has its answer. */
  async close(): Promise<void> {
    this.closing = true;
    await Promise.all(this.tails.values());
  }
}
