/** Too many commands wait for one stream; nothing was done, and trying again later is right. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** One job at a time for each stream, in the order they came; the others wait, up to a limit. */
export class StreamQueues {
  private readonly tails = new Map<string, { last: Promise<unknown>; waiting: number }>();

  constructor(private readonly limit: number) {}

  /** Runs the job when all earlier ones of the stream are done. Throws `QueueFull` when too many wait already. */
  async run<T>(stream: string, job: () => Promise<T>): Promise<T> {
    const queue = this.tails.get(stream) ?? { last: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= this.limit) throw new QueueFull(`${this.limit} commands wait for ${stream} already`);
    this.tails.set(stream, queue);
    queue.waiting++;
    const mine = queue.last.then(job);
    queue.last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      if (--queue.waiting === 0) this.tails.delete(stream);
    }
  }
}
