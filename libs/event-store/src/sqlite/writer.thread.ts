import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openDatabase, codeOf } from './database';
import { type AppendRequest, LogWriter, NotBegun, type Outcome } from './log-writer';
import { migrate } from './schema';

/** What the writer's thread is told when it starts. */
export interface WriterData {
  readonly file: string;
  /** For so long a full disk may stay full before the store gives up. */
  readonly giveUpMs: number;
  /** About so many pages of 4 KiB may wait in the WAL before they are moved into the file. */
  readonly checkpointPages: number;
}

/** To the thread: appends in order, or the wish to end. */
export type ToWriter = readonly AppendRequest[] | 'close';

/** From the thread. `outcomes` answer the appends in the order they were sent. */
export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[]; readonly seconds: number }
  | { readonly kind: 'writable'; readonly writable: boolean; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** One transaction takes so many appends, and so much text: nobody waits long for the others in it. */
const BATCH_APPENDS = 512;
const BATCH_CHARACTERS = 4 * 1024 * 1024;
const PROBE_MS = 1_000;
/** Room for two of the largest events: less than that would fail again with the first append. */
const PROBE_BYTES = 1024 * 1024;

/** The thread that owns the writing connection: takes what has queued up, commits it at once, answers, repeats. */
class WriterThread {
  private readonly db;
  private readonly log: LogWriter;
  /** Why nothing is written at present. */
  private down: string | null = null;
  private probing: NodeJS.Timeout | undefined;

  constructor(
    private readonly port: MessagePort,
    private readonly data: WriterData,
  ) {
    this.db = openDatabase(data.file, { readonly: false });
    migrate(this.db);
    this.log = new LogWriter(this.db, data.checkpointPages);
    port.on('message', (message: ToWriter) => this.take(message));
    this.tell({ kind: 'ready' });
  }

  /** A first message, and all that came since: together they are one commit, or a few. */
  private take(first: ToWriter): void {
    const waiting: AppendRequest[] = [];
    let message: ToWriter | undefined = first;
    while (message && message !== 'close') {
      for (const append of message) waiting.push(append);
      message = receiveMessageOnPort(this.port)?.message as ToWriter | undefined;
    }
    for (let start = 0; start < waiting.length;) {
      const batch = cut(waiting, start);
      start += batch.length;
      this.write(batch);
    }
    if (message === 'close') this.close();
  }

  private write(batch: readonly AppendRequest[]): void {
    if (this.down !== null) return this.answerAll(batch, { kind: 'unavailable', reason: this.down });
    try {
      const { outcomes, seconds } = this.log.commit(batch);
      this.tell({ kind: 'outcomes', outcomes, seconds });
    } catch (error) {
      const { cause, outcome } = inDoubt(error);
      this.stop(cause);
      this.answerAll(batch, outcome);
      return this.failUnlessItMayPass(cause);
    }
    try {
      this.log.checkpoint();
    } catch (error) {
      this.stop(error);
      this.failUnlessItMayPass(error);
    }
  }

  /** No writes from here on; while it may pass, the disk is tried every second. */
  private stop(error: unknown): void {
    this.down = reasonOf(error);
    this.tell({ kind: 'writable', writable: false, reason: this.down });
    if (!mayPass(error)) return;
    const until = performance.now() + this.data.giveUpMs;
    this.probing = setInterval(() => this.probe(until), PROBE_MS);
  }

  private failUnlessItMayPass(error: unknown): void {
    if (!mayPass(error)) this.tell({ kind: 'failed', reason: reasonOf(error) });
  }

  private probe(until: number): void {
    try {
      writeAndForget(`${this.data.file}.probe`);
      this.log.probe();
    } catch (error) {
      this.down = reasonOf(error);
      if (mayPass(error) && performance.now() < until) return;
      clearInterval(this.probing);
      return this.tell({ kind: 'failed', reason: this.down });
    }
    clearInterval(this.probing);
    this.down = null;
    this.tell({ kind: 'writable', writable: true, reason: '' });
  }

  private answerAll(batch: readonly AppendRequest[], outcome: Outcome): void {
    this.tell({ kind: 'outcomes', outcomes: batch.map(() => outcome), seconds: 0 });
  }

  private tell(message: FromWriter): void {
    this.port.postMessage(message);
  }

  private close(): void {
    clearInterval(this.probing);
    this.db.close();
    this.port.close();
  }
}

function cut(waiting: readonly AppendRequest[], start: number): AppendRequest[] {
  let characters = 0;
  let end = start;
  while (end < waiting.length && end - start < BATCH_APPENDS && characters < BATCH_CHARACTERS)
    for (const { data, meta } of waiting[end++]!.events) characters += data.length + meta.length;
  return waiting.slice(start, end);
}

/** What to answer a whole batch whose commit threw: nothing was begun, or nobody knows how it ended. */
function inDoubt(error: unknown): { cause: unknown; outcome: Outcome } {
  if (error instanceof NotBegun)
    return { cause: error.cause, outcome: { kind: 'unavailable', reason: reasonOf(error.cause) } };
  return { cause: error, outcome: { kind: 'unknown', reason: reasonOf(error) } };
}

/** Room comes back and locks go away; a failed read, write or sync, or a damaged file, needs a fresh process. */
function mayPass(error: unknown): boolean {
  return /^(SQLITE_(FULL|READONLY|BUSY)|ENOSPC|EDQUOT|EROFS)/.test(codeOf(error));
}

function reasonOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  // Node's own errors begin with their code already.
  return text.startsWith(codeOf(error)) ? text : `${codeOf(error)} ${text}`;
}

function writeAndForget(file: string): void {
  const fd = openSync(file, 'w');
  try {
    writeSync(fd, Buffer.alloc(PROBE_BYTES));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
    rmSync(file, { force: true });
  }
}

try {
  new WriterThread(parentPort!, workerData as WriterData);
} catch (error) {
  // Told as text: an error of the add-on loses its message on the way between threads.
  parentPort!.postMessage({ kind: 'failed', reason: reasonOf(error) } satisfies FromWriter);
}
