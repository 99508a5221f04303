/** The ids of one stream: index = revision. */
interface Known {
  readonly ids: string[];
}

/**
 * Which event ids the log holds, as far as it has passed by here: whole streams from revision 0 on. The server has no
 * index of ids, and takes an id that it has deep in a stream once more. The streams not used for longest are forgotten
 * when together they take too much; they are read again when they are written to.
 */
export class KnownIds {
  private readonly streams = new Map<string, Known>();
  private readonly homes = new Map<string, string>();

  /** About 100 bytes for each. */
  constructor(private readonly limit: number) {}

  /** How many events of the stream are known; undefined when it has not been read. */
  count(stream: string): number | undefined {
    return this.streams.get(stream)?.ids.length;
  }

  /** Whether it is known which event the stream has at that revision. */
  has(stream: string, revision: bigint): boolean {
    return revision < BigInt(this.count(stream) ?? 0);
  }

  /** Whether another event is known to be there: an acknowledged event never changes. */
  differs(stream: string, revision: bigint, id: string): boolean {
    return this.has(stream, revision) && this.streams.get(stream)!.ids[Number(revision)] !== id;
  }

  /** The stream was read and there is nothing in it, or nothing yet. */
  begin(stream: string): void {
    if (!this.streams.has(stream)) this.streams.set(stream, { ids: [] });
  }

  /** An event passed by. Only what continues a stream that is known so far is of use. */
  learn(stream: string, revision: bigint, id: string): void {
    if (revision === 0n) this.begin(stream);
    const known = this.streams.get(stream);
    if (known === undefined || BigInt(known.ids.length) !== revision) return;
    known.ids.push(id);
    this.homes.set(id, stream);
    if (this.homes.size > this.limit) this.forgetOthers(stream);
  }

  /** The stream that holds an event of this id. */
  homeOf(id: string): string | undefined {
    return this.homes.get(id);
  }

  revisionOf(stream: string, id: string): bigint {
    return BigInt(this.streams.get(stream)?.ids.indexOf(id) ?? -1);
  }

  /** The stream is in use: it is the last to be forgotten. */
  touch(stream: string): void {
    const known = this.streams.get(stream);
    if (known === undefined) return;
    this.streams.delete(stream);
    this.streams.set(stream, known);
  }

  /** What was known of the stream does not hold any more. */
  forget(stream: string, ids = this.streams.get(stream)?.ids ?? []): void {
    this.streams.delete(stream);
    for (const id of ids) this.homes.delete(id);
  }

  private forgetOthers(keep: string): void {
    for (const [stream, { ids }] of this.streams) {
      // A tenth at once, so that it does not begin anew with every event.
      if (this.homes.size <= this.limit * 0.9) return;
      if (stream === keep) continue;
      this.forget(stream, ids);
    }
  }
}
