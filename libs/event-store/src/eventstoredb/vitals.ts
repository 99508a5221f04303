import { pause, Question } from '@gatehouse/eventsourcing';
import type { EventBytes } from './envelope';
import { faultOf, mayPass } from './fault';
import type { LogIdentity } from './identity';

/** So long whoever wants to know waits at most. One call may take longer, and a slow log is not a silent one. */
const CHECK_MS = 2_000;
/** So long a write that fails at once is tried again. */
const TRY_MS = 1_500;
/** So long the answer to a check is good for. */
const GOOD_FOR_MS = 1_000;
const PAUSE_MS = 100;

/**
 * Whether the log takes writes, and for how long it has been silent: it answers no reads either. It is asked by writing
 * the event that it begins with once more, which changes nothing, and by reading it. Once it is known to be down it is asked again and again, whoever wants to know.
 */
export class Vitals {
  private why = '';
  private silentSince: number | undefined;
  private readonly question = new Question(() => this.ask(), CHECK_MS);
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

  /** Asks the log, unless it has just been asked. Never rejects, and is over in 2 s: without an answer so far, what was known stands. */
  async check(): Promise<void> {
    if (performance.now() - this.checkedAt < GOOD_FOR_MS) return;
    await this.question.answered();
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
    const since = performance.now();
    const answersReads = this.identity.read().then(
      () => true,
      () => false,
    );
    const failure = await this.write();
    if (failure !== undefined) this.unwritable(failure, await answersReads, since);
    this.checkedAt = performance.now();
    if (!this.writable && !this.nursing) void this.nurse();
  }

  /** What went wrong, if that leaves open whether the log answers at all. */
  private async write(): Promise<string | undefined> {
    const until = performance.now() + TRY_MS;
    for (;;) {
      try {
        await this.identity.write(this.first);
        this.wrote();
        return undefined;
      } catch (error) {
        const fault = faultOf(error);
        if (!mayPass(fault)) {
          this.refused(fault.message);
          return undefined;
        }
        if (performance.now() + PAUSE_MS > until) return fault.message;
        await pause(PAUSE_MS, this.stopping.signal);
      }
    }
  }

  private unwritable(what: string, answersReads: boolean, since: number): void {
    if (answersReads) {
      this.why = `EventStoreDB answers reads and takes no writes: ${what}`;
      this.silentSince = undefined;
    } else {
      this.why = `EventStoreDB does not answer: ${what}`;
      this.silentSince ??= since;
    }
  }

  private refused(what: string): void {
    this.why = `EventStoreDB takes no writes of this user: ${what}`;
    this.silentSince = undefined;
  }
}
