/** Wakes those who wait for the next commit. */
export class Commits {
  private readonly waiting = new Set<() => void>();

  /** Something may have been committed. */
  wake(): void {
    for (const resolve of this.waiting) resolve();
  }

  /** Resolves at the next `wake`, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
