import { setMaxListeners } from 'node:events';
import { pause } from '@gatehouse/eventsourcing';

/** For how long something that may pass is tried again. */
export class Retries {
  private readonly stopping = new AbortController();

  constructor(private readonly giveUpMs: number) {
    // As many as there are calls that wait for another try.
    setMaxListeners(0, this.stopping.signal);
  }

  begin(): Tries {
    return new Tries(this.giveUpMs, this.stopping.signal);
  }

  /** Nothing is tried again any more. */
  stop(): void {
    this.stopping.abort();
  }
}

const FIRST_MS = 20;
const LONGEST_MS = 1_000;
/** What has worked for so long did work. */
const STOOD_MS = 1_000;

/** The tries of one thing, with pauses that grow. */
export class Tries {
  private since = performance.now();
  private pauseMs = FIRST_MS;
  /** Since when what is tried works. */
  private standing = Infinity;

  constructor(
    private readonly giveUpMs: number,
    private readonly signal: AbortSignal,
  ) {}

  /** It came further: the time begins anew. */
  progress(): void {
    this.since = performance.now();
    this.pauseMs = FIRST_MS;
  }

  /** It works now. If it goes on for a while, whatever ends it is not more of what was tried before. */
  stands(): void {
    this.standing = performance.now();
  }

  /** True after a pause; false when it is time to give up. */
  async another(signal?: AbortSignal): Promise<boolean> {
    if (performance.now() - this.standing > STOOD_MS) this.progress();
    this.standing = Infinity;
    if (this.signal.aborted || performance.now() - this.since > this.giveUpMs) return false;
    await pause(this.pauseMs * (0.5 + Math.random()), this.signal, ...(signal ? [signal] : []));
    this.pauseMs = Math.min(LONGEST_MS, this.pauseMs * 2);
    return true;
  }
}
