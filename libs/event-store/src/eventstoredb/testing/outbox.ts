import { status } from '@grpc/grpc-js';
import type { ReadCall } from './read-call';
import { RpcError } from './status';

/** The answers of one reading call: written as bytes, no faster than the client takes them. */
export class Outbox {
  private readonly gone = new AbortController();

  constructor(readonly call: ReadCall) {
    call.once('cancelled', () => this.gone.abort());
    call.once('close', () => this.gone.abort());
    call.once('error', () => this.gone.abort());
  }

  /** Aborted when nobody reads any more. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  /** False when the client is behind: wait for `drained` then. */
  write(response: Buffer): boolean {
    return this.gone.signal.aborted || this.call.write(response);
  }

  /** Whether the client has still to take what was written. */
  get behind(): boolean {
    return this.call.writableNeedDrain;
  }

  async drained(): Promise<void> {
    if (!this.behind || this.gone.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.call.off('drain', done);
        this.gone.signal.removeEventListener('abort', done);
        resolve();
      };
      this.call.once('drain', done);
      this.gone.signal.addEventListener('abort', done);
    });
  }

  end(): void {
    if (!this.gone.signal.aborted) this.call.end();
  }

  fail(error: unknown): void {
    if (this.gone.signal.aborted) return;
    this.call.emit('error', error instanceof RpcError ? error : new RpcError(status.UNKNOWN, String(error)));
  }
}
