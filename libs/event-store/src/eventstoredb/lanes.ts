import { StoreUnavailable } from '@gatehouse/eventsourcing';

/** What may wait for the server, in bytes of JSON: above it appends are refused, and memory stays bounded. */
const MOST_WAITING = 64 * 1024 * 1024;
/** Appends under way at once. With more, the time that a call may take would go by in a queue of our own. */
const MOST_AT_ONCE = 64;

/** Appends to one stream go one after the other, in the order they came; to different streams at once, up to a number. */
export class Lanes {
  private readonly tails = new Map<string, Promise<unknown>>();
  private bytes = 0;
  private running = 0;
  private free = MOST_AT_ONCE;
  private readonly waiting: (() => void)[] = [];
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
    const mine = (this.tails.get(stream) ?? Promise.resolve()).then(() => this.inTurn(job));
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

  private async inTurn<T>(job: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((turn) => this.waiting.push(turn));
    try {
      return await job();
    } finally {
      // Whoever waits takes the place over.
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
