import { Worker } from 'node:worker_threads';
import { MayPass } from '@gatehouse/eventsourcing';
import type { Batch } from './rows';
import type { FromWriter, ToWriter } from './writer.thread';

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** What the thread makes lives for a batch: a larger nursery would only take memory. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

/** The main thread's end of the thread that writes. */
export class Writer {
  private readonly worker: Worker;
  /** Answers come in the order of the questions. */
  private readonly waiting: Waiting[] = [];
  private readonly exited: Promise<void>;
  private lost: Error | null = null;

  constructor(file: string) {
    this.worker = new Worker(require.resolve('./writer.thread'), {
      workerData: file,
      resourceLimits: LIMITS,
    });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.on('message', (answer: FromWriter) => this.hear(answer));
    this.worker.on('error', (error: Error) => this.lose(error));
    this.worker.on('exit', () => this.lose(new Error('the thread that writes the views has ended')));
  }

  /** Resolves when it is committed: rows and checkpoint, or neither. */
  write(batch: Batch): Promise<void> {
    return this.ask({ write: batch });
  }

  /** Empties the tables. */
  clear(): Promise<void> {
    return this.ask('clear');
  }

  /** Finishes what is under way and ends the thread. */
  async close(): Promise<void> {
    this.worker.postMessage('close' satisfies ToWriter);
    await this.exited;
  }

  private ask(message: ToWriter): Promise<void> {
    if (this.lost) return Promise.reject(this.lost);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(message);
    });
  }

  private hear(answer: FromWriter): void {
    const asked = this.waiting.shift();
    if (answer === null) asked?.resolve();
    else asked?.reject(failure(answer));
  }

  private lose(error: Error): void {
    this.lost ??= error;
    for (const asked of this.waiting.splice(0)) asked.reject(this.lost);
  }
}

/** A full or failing disk may be mended while we run, and the views can always be written again; anything else is a fault. */
function failure({ message, code }: NonNullable<FromWriter>): Error {
  if (typeof code === 'string' && /^SQLITE_(FULL|BUSY|READONLY|IOERR)/.test(code))
    return new MayPass(`${code} ${message}`);
  return Object.assign(new Error(message), { code });
}
