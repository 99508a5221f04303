/** No stretch of synchronous work lasts longer than this, in milliseconds: requests are answered in between. */
export const SLICE_MS = 8;

/** Lets everything else that is waiting have its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Cuts long work into slices: `if (slices.over()) await slices.next();` in its loop. */
export class Slices {
  private started = performance.now();

  over(): boolean {
    return performance.now() - this.started >= SLICE_MS;
  }

  async next(): Promise<void> {
    await turn();
    this.started = performance.now();
  }
}
