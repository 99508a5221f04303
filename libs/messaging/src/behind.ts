/**
 * For how long each channel has not reached an end of the log that was heard of. Positions are as dense as the store
 * makes them (bytes, in EventStoreDB); time is not. It knows of the ends that it is asked with.
 */
export class Behind {
  private readonly owed = new Map<string, { readonly head: bigint; readonly since: number }>();

  /** In milliseconds; 0 where the channel has reached the end that was owed, even if the log has moved on. */
  ms(topic: string, position: bigint, head: bigint, now = performance.now()): number {
    const owed = this.owed.get(topic);
    // An end that the log does not reach any more is that of a newer copy than there is now.
    if (owed !== undefined && position < owed.head && owed.head <= head) return now - owed.since;
    if (position < head) this.owed.set(topic, { head, since: now });
    else this.owed.delete(topic);
    return 0;
  }
}
