import { settlesWithin } from './timing';

/** One question at a time, whoever asks and however long the answer takes: all who ask meanwhile wait for the same one. */
export class Question {
  private asking: Promise<void> | undefined;

  /** `ask` keeps what comes of it itself. */
  constructor(
    private readonly ask: () => Promise<void>,
    private readonly waitMs: number,
  ) {}

  /** Resolves when it is answered, when nobody can answer it, or after `waitMs`: then what was known stands. Never rejects. */
  async answered(): Promise<void> {
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    this.asking.catch(() => undefined);
    await settlesWithin(this.waitMs, this.asking);
  }
}
