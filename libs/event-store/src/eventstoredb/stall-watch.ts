/** Notices a subscription that gives nothing while the log moves, by asking the log for its end. */
export class StallWatch {
  /** An event there is, of which the subscription has been silent at least once. */
  private owed = 0n;
  /** How far the subscription says it has looked. */
  private scanned = 0n;
  private scannedBefore = -1n;
  private quietSince = performance.now();

  constructor(
    private readonly head: () => Promise<bigint>,
    private readonly place: { readonly last: bigint },
    private readonly quietMs: number,
  ) {}

  /** An event came. */
  moved(): void {
    this.quietSince = performance.now();
  }

  /** A checkpoint: the server has looked so far. It serves this and nothing else. Resolves as `stalled` does. */
  async looked(position: bigint): Promise<boolean> {
    if (position > this.scanned) this.scanned = position;
    return performance.now() - this.quietSince > this.quietMs && (await this.stalled());
  }

  /** Asked whenever no event has come for a while. Throws what `head` throws. */
  async stalled(): Promise<boolean> {
    this.quietSince = performance.now();
    const owed = this.owed > this.place.last;
    // It may have a long way to go through what is not ours, and says so; once it is past an event, it owes that.
    const onItsWay = this.scanned > this.scannedBefore && this.scanned < this.owed;
    if (owed && !onItsWay) return true;
    this.scannedBefore = this.scanned;
    if (!owed) this.owed = await this.head();
    return false;
  }
}
