import { Injectable } from '@nestjs/common';

/** Whether the event store still works. One that failed takes no writes any more: the process has to start anew. */
@Injectable()
export class StoreState {
  failure: Error | undefined;
  /** Whether the log takes writes now; a full disk may pass. */
  writable: () => boolean = () => true;
  /** Resolves when the store fails; never rejects. */
  readonly failed: Promise<Error>;
  private resolve!: (failure: Error) => void;

  constructor() {
    this.failed = new Promise((resolve) => (this.resolve = resolve));
  }

  fail(failure: Error): void {
    this.failure = failure;
    this.resolve(failure);
  }
}
