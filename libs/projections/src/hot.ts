import type { Live } from './resources';

/** The answer about one model, ready to be sent. */
export interface HotAnswer {
  readonly live: Live;
  readonly body: Buffer;
  readonly etag: string;
}

type Entry = HotAnswer & { used: boolean; readonly bytes: number };

/** Answers that are asked for often, in memory, up to so many bytes. A hit costs one look-up in a Map. */
export class HotAnswers {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  constructor(private readonly most = 32 * 2 ** 20) {}

  get(key: string): HotAnswer | undefined {
    const entry = this.entries.get(key);
    if (entry) entry.used = true;
    return entry;
  }

  put(key: string, live: Live): HotAnswer {
    this.delete(key);
    const body = Buffer.from(JSON.stringify(live));
    const entry = { live, body, etag: `"${live.revision}"`, used: false, bytes: 1_000 + 3 * body.length };
    this.entries.set(key, entry);
    this.bytes += entry.bytes;
    this.makeRoom();
    return entry;
  }

  delete(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.bytes -= entry.bytes;
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }

  /** The oldest goes; one that was asked for since gets another round. */
  private makeRoom(): void {
    for (const [key, entry] of this.entries) {
      if (this.bytes <= this.most) return;
      this.delete(key);
      if (!entry.used) continue;
      entry.used = false;
      this.entries.set(key, entry);
      this.bytes += entry.bytes;
    }
  }
}
