/** Those who wait for a position. */
export class Waiting {
  private readonly waiters = new Set<{ readonly position: bigint; answer(reached: boolean): void }>();

  /** Resolves to true when `arrived` is called with this position or a later one, else to false after the time. */
  until(position: bigint, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (reached: boolean) => {
        clearTimeout(timer);
        this.waiters.delete(waiter);
        resolve(reached);
      };
      const waiter = { position, answer };
      const timer = setTimeout(() => answer(false), timeoutMs);
      this.waiters.add(waiter);
    });
  }

  arrived(position: bigint): void {
    for (const waiter of this.waiters) if (waiter.position <= position) waiter.answer(true);
  }

  /** Nothing will arrive any more. */
  giveUp(): void {
    for (const waiter of this.waiters) waiter.answer(false);
  }
}
