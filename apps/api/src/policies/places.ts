/** So many at a time under each name, and no more. */
export class Places {
  private readonly taken = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** Takes a place until the signal is aborted; false where all are taken. */
  take(name: string, signal: AbortSignal): boolean {
    const before = this.taken.get(name) ?? 0;
    if (before >= this.most) return false;
    if (signal.aborted) return true;
    this.taken.set(name, before + 1);
    signal.addEventListener('abort', () => this.leave(name), { once: true });
    return true;
  }

  private leave(name: string): void {
    const left = this.taken.get(name)! - 1;
    if (left === 0) this.taken.delete(name);
    else this.taken.set(name, left);
  }
}
