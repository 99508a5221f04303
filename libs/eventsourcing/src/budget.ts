import { OutcomeUnknown } from './event-store';

/** The time of the command was over before anything was sent to the log, and nothing will be: nothing was written. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

/** The time that a command has, and whether its event is on its way to the log. */
export class Budget {
  /** From then on only the log knows. */
  sent = false;
  /** The verdict was told: a timer may be early, and nothing may contradict it. */
  private told = false;

  /** In `performance.now()` time. */
  constructor(private readonly deadline = Infinity) {}

  get isOver(): boolean {
    return this.told || performance.now() >= this.deadline;
  }

  /** Throws `DeadlinePassed` when there is no time left to begin anything. */
  assertLeft(): void {
    if (this.isOver) throw new DeadlinePassed('the time was over before the command could be decided');
  }

  /** What the work comes to, or what can be said of it when the time is over; the work itself goes on to its end. */
  async limits<T>(work: Promise<T>): Promise<T> {
    if (this.deadline === Infinity) return work;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.verdict()), Math.max(0, this.deadline - performance.now()));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private verdict(): Error {
    this.told = true;
    if (this.sent) return new OutcomeUnknown('the log has not said in time what became of the append');
    return new DeadlinePassed('the time was over before anything was sent to the log');
  }
}
