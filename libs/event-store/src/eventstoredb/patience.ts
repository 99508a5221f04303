/**
 * For how long a filtered read may be silent. The server says nothing while it passes over what is not ours, which may
 * take it long, and a read that has broken off looks the same. So each time that it was given up the next try gets
 * twice the time: a scan, however long, comes to its end, and a read that has broken off is made anew soon.
 */
export class Patience {
  private ms: number;
  private since = performance.now();

  constructor(private readonly firstMs: number) {
    this.ms = firstMs;
  }

  /** What was waited for came: from there on it is not waited for so long again. */
  rewarded(): void {
    this.ms = this.firstMs;
    this.begin();
  }

  /** It is waited anew, for as long as before. */
  begin(): void {
    this.since = performance.now();
  }

  /** Whether it was waited for long enough; if so, the next time it is longer. */
  isOver(): boolean {
    if (performance.now() - this.since < this.ms) return false;
    this.ms *= 2;
    return true;
  }
}
