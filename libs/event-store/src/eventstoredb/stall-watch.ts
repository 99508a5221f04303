import type { Patience } from './patience';

/** Notices a subscription that gives nothing while the log moves, by asking the log for its end. */
export class StallWatch {
  /** An event there is, of which the subscription has been silent at least once. */
  private owed = 0n;
  /** How far the subscription says it has looked. */
  private scanned = 0n;
  private askedAt = performance.now();
  private asking: Promise<void> | undefined;

  constructor(
    private readonly head: () => Promise<bigint>,
    private readonly place: { readonly last: bigint },
    private readonly quietMs: number,
    private readonly patience: Patience,
  ) {
    patience.begin();
  }

  /** An event came; not `further` on if it is one that came before. */
  came(further: boolean): void {
    this.askedAt = performance.now();
    if (further) this.patience.rewarded();
    else this.patience.begin();
  }

  /**
   * A checkpoint: the server has looked so far. It serves this and nothing else. Answers as `stalled` does. It may have a
   * long way to go through what is not ours; once it is past an event, it owes that.
   */
  looked(position: bigint): boolean {
    const further = position > this.scanned;
    if (further) this.scanned = position;
    if (further && (!this.owes || position < this.owed)) this.patience.begin();
    if (this.owes) return this.patience.isOver();
    // Not waited for: what comes behind the checkpoint must not wait for the end of the log.
    if (performance.now() - this.askedAt > this.quietMs) this.ask().catch(() => undefined);
    return false;
  }

  /** Asked whenever nothing at all has come for a while. Throws what `head` throws. */
  async stalled(): Promise<boolean> {
    if (this.owes) return this.patience.isOver();
    await this.ask();
    return false;
  }

  private get owes(): boolean {
    return this.owed > this.place.last;
  }

  private ask(): Promise<void> {
    this.askedAt = performance.now();
    return (this.asking ??= this.head()
      .then((head) => void (this.owed = head))
      .finally(() => (this.asking = undefined)));
  }
}
