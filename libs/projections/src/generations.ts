/**
 * Keeps what was used lately: what is not asked for between two turns is gone. Cheaper than knowing the order in
 * which everything was used.
 */
export class Generations<Key, Value> {
  private young = new Map<Key, Value>();
  private old = new Map<Key, Value>();

  get(key: Key): Value | undefined {
    const found = this.young.get(key);
    if (found !== undefined) return found;
    const older = this.old.get(key);
    if (older !== undefined) this.young.set(key, older);
    return older;
  }

  set(key: Key, value: Value): void {
    this.young.set(key, value);
  }

  /** Of what was used since the last turn. */
  get size(): number {
    return this.young.size;
  }

  turn(): void {
    this.old = this.young;
    this.young = new Map();
  }
}
