const REMEMBERED = 10_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Which event the command with a given idempotency key made, in one stream. It is filled while the stream is
 * folded, so every restart and replica knows the same. A key is known for a day of the stream's own time and for
 * the last 10,000 commands, whichever is longer.
 */
export class KnownCommands {
  private readonly byKey = new Map<string, { revision: bigint; time: number }>();

  add(key: string, revision: bigint, time: number): void {
    this.byKey.delete(key);
    this.byKey.set(key, { revision, time });
    for (const [oldest, command] of this.byKey) {
      const old = revision - command.revision >= BigInt(REMEMBERED) && time - command.time > DAY_MS;
      if (!old) break;
      this.byKey.delete(oldest);
    }
  }

  /** The revision of the event that this key made. */
  find(key: string): bigint | undefined {
    return this.byKey.get(key)?.revision;
  }

  get size(): number {
    return this.byKey.size;
  }
}
