import { pause, settlesWithin } from '@gatehouse/eventsourcing';
import type { EventBytes } from './envelope';
import { faultOf, mayPass } from './fault';
import type { LogIdentity } from './identity';

/** So long a check may take at most. */
const CHECK_MS = 2_000;
/** So long the answer to a check is good for. */
const GOOD_FOR_MS = 1_000;
const PAUSE_MS = 100;

/**
 * Whether the log takes writes, and for how long it has been silent. It is asked by writing the event that it begins with
 * once more, which changes nothing. Once it is known to be down it is asked again and again, whoever wants to know.
 */
export class Vitals {
  private why = '';
  private silentSince: number | undefined;
  private checking: Promise<void> | undefined;
  private checkedAt = -Infinity;
  private nursing = false;
  private readonly stopping = new AbortController();

  constructor(
    private readonly identity: LogIdentity,
    private readonly first: EventBytes,
  ) {}

  get writable(): boolean {
    return this.why === '';
  }

  /** Why it takes no writes. */
  get reason(): string {
    return this.why;
  }

  /** For so long it has not answered; 0 while it does. */
  get silentMs(): number {
    return this.silentSince === undefined ? 0 : performance.now() - this.silentSince;
  }

  /** An append was answered. */
  wrote(): void {
    this.why = '';
    this.silentSince = undefined;
  }

  /** An append came to nothing, or nobody knows to what: the log is asked what that means. */
  failed({ message }: Error): void {
    this.why = message;
    this.checkedAt = -Infinity;
    if (!this.nursing) void this.nurse();
  }

  /** Asks the log, unless it has just been asked. Never rejects, and is over in 2 s. */
  async check(): Promise<void> {
    if (performance.now() - this.checkedAt < GOOD_FOR_MS) return;
    this.checking ??= this.ask().finally(() => (this.checking = undefined));
    await this.checking;
    if (!this.writable && !this.nursing) void this.nurse();
  }

  /** Nothing is asked any more. */
  stop(): void {
    this.stopping.abort();
  }

  private async nurse(): Promise<void> {
    this.nursing = true;
    while (!this.writable && !this.stopping.signal.aborted) {
      await this.check();
      if (!this.writable) await pause(GOOD_FOR_MS, this.stopping.signal);
    }
    this.nursing = false;
  }

  private async ask(): Promise<void> {
    const writing = this.write();
    if (!(await settlesWithin(CHECK_MS, writing))) this.silent('no answer');
    this.checkedAt = performance.now();
  }

  private async write(): Promise<void> {
    const until = performance.now() + CHECK_MS;
    for (;;) {
      try {
        await this.identity.write(this.first);
        return this.wrote();
      } catch (error) {
        const fault = faultOf(error);
        if (!mayPass(fault)) return this.refused(fault.message);
        if (performance.now() + PAUSE_MS > until) return this.silent(fault.message);
        await pause(PAUSE_MS, this.stopping.signal);
      }
    }
  }

  private silent(what: string): void {
    this.why = `EventStoreDB does not answer: ${what}`;
    this.silentSince ??= performance.now();
  }

  private refused(what: string): void {
    this.why = `EventStoreDB takes no writes of this user: ${what}`;
    this.silentSince = undefined;
  }
}
