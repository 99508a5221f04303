/** One who wants to know that something may have changed, never what: so nothing piles up. */
export interface Watcher {
  /** Resolves to true when there was a change since the last time, to false when watching is over. */
  woken(): Promise<boolean>;
  leave(): void;
}

class Waiter implements Watcher {
  private changed = false;
  private resolve: ((goOn: boolean) => void) | null = null;
  private readonly over = () => this.answer(false);

  constructor(
    private readonly signal: AbortSignal,
    private readonly left: (waiter: Waiter) => void,
  ) {
    signal.addEventListener('abort', this.over, { once: true });
  }

  wake(): void {
    if (this.resolve) this.answer(true);
    else this.changed = true;
  }

  woken(): Promise<boolean> {
    if (this.signal.aborted) return Promise.resolve(false);
    if (this.changed) {
      this.changed = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => (this.resolve = resolve));
  }

  leave(): void {
    this.signal.removeEventListener('abort', this.over);
    this.answer(false);
    this.left(this);
  }

  private answer(goOn: boolean): void {
    this.resolve?.(goOn);
    this.resolve = null;
  }
}

/** Who watches what. */
export class Watchers {
  private readonly byKey = new Map<string, Set<Waiter>>();

  add(key: string, signal: AbortSignal): Watcher {
    const waiters = this.byKey.get(key) ?? new Set<Waiter>();
    this.byKey.set(key, waiters);
    const waiter = new Waiter(signal, (gone) => {
      waiters.delete(gone);
      if (waiters.size === 0 && this.byKey.get(key) === waiters) this.byKey.delete(key);
    });
    waiters.add(waiter);
    return waiter;
  }

  wake(key: string): void {
    for (const waiter of this.byKey.get(key) ?? []) waiter.wake();
  }

  wakeAll(): void {
    for (const key of this.byKey.keys()) this.wake(key);
  }
}
