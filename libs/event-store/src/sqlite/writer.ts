import { Worker } from 'node:worker_threads';
import {
  type Appended,
  EventIdReused,
  OutcomeUnknown,
  StoreUnavailable,
  WrongRevision,
} from '@gatehouse/eventsourcing';
import type { StoreStats } from '../open-store';
import type { AppendRequest, Outcome } from './log-writer';
import type { FromWriter, ToWriter, WriterData } from './writer.thread';

interface Waiting {
  readonly request: AppendRequest;
  readonly characters: number;
  readonly resolve: (result: Appended) => void;
  readonly reject: (error: Error) => void;
}

/** What the thread makes lives for a batch: a larger nursery would only take memory. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

/** What may wait for the disk, in characters of JSON: above it appends are refused, and memory stays bounded. */
const MOST_WAITING = 64 * 1024 * 1024;

/** The main thread's end of the writer: sends appends, once per turn of the event loop, and settles their promises. */
export class Writer {
  /** Resolves, once, when the writer cannot go on: the process has to end, and start again. Never rejects. */
  readonly failed: Promise<Error>;
  private fail!: (error: Error) => void;
  private outbox: AppendRequest[] = [];
  /** Answers come in the order of the questions. */
  private waiting: Waiting[] = [];
  private waitingCharacters = 0;
  private state: 'open' | 'closing' | 'failed' = 'open';
  private readonly exited: Promise<void>;
  private figures = { batches: 0, appends: 0, commitSeconds: 0, writable: true, reason: '' };

  private constructor(
    private readonly worker: Worker,
    private readonly onCommit: () => void,
  ) {
    this.failed = new Promise((resolve) => (this.fail = resolve));
    this.exited = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (message: FromWriter) => this.hear(message));
    worker.on('error', (error) => this.giveUp(error));
    worker.on('exit', () => this.loseRest());
  }

  /** Starts the thread; resolves when the log is open for writing, rejects with the reason when it cannot be opened. */
  static start(data: WriterData, onCommit: () => void): Promise<Writer> {
    const worker = new Worker(require.resolve('./writer.thread'), {
      workerData: data,
      resourceLimits: LIMITS,
    });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (first: FromWriter) => {
        worker.off('error', reject);
        if (first.kind === 'failed') return reject(new Error(first.reason));
        resolve(new Writer(worker, onCommit));
      });
    });
  }

  /** Resolves when the append is durable. Rejects as the port says. */
  append(request: AppendRequest): Promise<Appended> {
    if (this.state === 'closing') return Promise.reject(new StoreUnavailable('the log is being closed'));
    if (this.state === 'failed') return Promise.reject(new StoreUnavailable(this.figures.reason));
    if (this.waitingCharacters > MOST_WAITING)
      return Promise.reject(new StoreUnavailable('too much waits to be written'));
    return new Promise((resolve, reject) => {
      const characters = request.events.reduce((sum, { data, meta }) => sum + data.length + meta.length, 0);
      this.waiting.push({ request, characters, resolve, reject });
      this.waitingCharacters += characters;
      // Everything asked for in this turn of the event loop goes to the thread as one message.
      if (this.outbox.push(request) === 1) setImmediate(() => this.flush());
    });
  }

  stats(): Omit<StoreStats, 'silentMs'> {
    return { ...this.figures, queued: this.waiting.length };
  }

  /** Takes no more, waits for what is under way, ends the thread. */
  async close(): Promise<void> {
    if (this.state === 'open') this.state = 'closing';
    this.flush();
    this.post('close');
    await this.exited;
  }

  private flush(): void {
    if (this.outbox.length === 0) return;
    const appends = this.outbox;
    this.outbox = [];
    this.post(appends);
  }

  private post(message: ToWriter): void {
    this.worker.postMessage(message);
  }

  private hear(message: FromWriter): void {
    switch (message.kind) {
      case 'ready':
        return;
      case 'outcomes':
        return this.settle(message.outcomes, message.seconds);
      case 'writable':
        this.figures.writable = message.writable;
        this.figures.reason = message.reason;
        return;
      case 'failed':
        return this.giveUp(new Error(message.reason));
    }
  }

  private settle(outcomes: readonly Outcome[], seconds: number): void {
    this.figures.batches += 1;
    this.figures.appends += outcomes.length;
    this.figures.commitSeconds += seconds;
    const settled = this.waiting.splice(0, outcomes.length);
    for (const [index, waiting] of settled.entries()) {
      this.waitingCharacters -= waiting.characters;
      answer(waiting, outcomes[index]!);
    }
    this.onCommit();
  }

  /** Nothing will be written any more. What waits is still answered by the thread, unless it is the thread that died. */
  private giveUp(error: Error): void {
    this.state = 'failed';
    this.figures.writable = false;
    this.figures.reason = error.message;
    this.fail(error);
  }

  /** The thread has ended. What it had not answered may be in the log or not. */
  private loseRest(): void {
    if (this.state === 'open') this.giveUp(new Error('the writer of the log has ended'));
    for (const { reject } of this.waiting.splice(0))
      reject(new OutcomeUnknown('the writer of the log ended before it answered'));
    this.waitingCharacters = 0;
  }
}

function answer({ request, resolve, reject }: Waiting, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'appended':
      return resolve({ position: outcome.position, revision: outcome.revision });
    case 'wrong-revision':
      return reject(new WrongRevision(request.stream, request.expected, outcome.actual));
    case 'id-reused':
      return reject(new EventIdReused(outcome.id));
    case 'unknown':
      return reject(new OutcomeUnknown(outcome.reason));
    case 'unavailable':
      return reject(new StoreUnavailable(outcome.reason));
  }
}
