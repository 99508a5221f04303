import { AppendResp, type ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { ClientReadableStream, ClientWritableStream } from '@grpc/grpc-js';
import { settlesWithin } from '@gatehouse/eventsourcing';
import type { Call, Connection } from './connection';
import type { EventBytes } from './envelope';
import { positionOf } from './esdb-event';
import { Fault, faultOf } from './fault';
import { appendMessages } from './requests';

/** Where an append stands, as the server says. No position: it has to be read. */
export interface Written {
  readonly revision: bigint;
  readonly position: bigint | undefined;
}

/** How a read is made. */
export interface Reading {
  readonly signal?: AbortSignal | undefined;
  /** Asked whenever nothing has come for `quietMs`: true when the read has broken off. */
  readonly onQuiet?: () => Promise<boolean>;
  readonly quietMs?: number;
  /** Whether a node that does not lead will do. */
  readonly anyNode?: boolean;
}

/** The calls that we make, each with a timeout of our own. Everything that they throw is a `Fault`, but for what `onQuiet` throws. */
export class Wire {
  private closed = false;
  private readonly open = new Set<ClientReadableStream<ReadResp>>();

  constructor(
    private readonly connection: Connection,
    readonly timeoutMs: number,
  ) {}

  /** One append, as one call: nobody else's failure is its own. */
  async append(stream: string, expected: bigint, events: readonly EventBytes[]): Promise<Written> {
    const call = await this.connection.call(this.timeoutMs, true);
    const messages = appendMessages(stream, expected, events);
    try {
      return written(await this.answer(call, messages));
    } catch (error) {
      call.failed(error);
      throw faultOf(error);
    }
  }

  /**
   * The answers to a read, as they come. A silence longer than the timeout is a fault; where there is an `onQuiet`, it is
   * asked each time, and decides. Ends without an error when aborted.
   */
  async *read(request: ReadReq, options: Reading = {}): AsyncGenerator<ReadResp> {
    const { signal, onQuiet = brokenOff, quietMs = this.timeoutMs, anyNode = false } = options;
    if (signal?.aborted) return;
    if (this.closed) throw new Fault('not-sent', 'the log is closed');
    const call = await unlessAborted(this.connection.call(this.timeoutMs, !anyNode), signal);
    if (call === undefined) return;
    const answers = call.streams.read(request, call.metadata, call.options);
    const stop = () => end(answers);
    // What comes after it was ended is of no interest, and an error without a listener ends the process.
    answers.on('error', () => undefined);
    signal?.addEventListener('abort', stop, { once: true });
    this.open.add(answers);
    let found: unknown;
    const ask = async () => {
      try {
        return await onQuiet();
      } catch (error) {
        found = error;
        throw error;
      }
    };
    try {
      if (signal?.aborted) return;
      yield* patiently(answers, quietMs, ask);
    } catch (error) {
      if (signal?.aborted) return;
      // What was found out meanwhile is no failure of this call.
      if (error === found) throw error;
      call.failed(error);
      throw faultOf(error);
    } finally {
      this.open.delete(answers);
      signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  /** Ends the reads under way, for whoever reads them with an error. */
  close(): void {
    this.closed = true;
    for (const answers of this.open) end(answers);
  }

  private answer(call: Call, messages: ReturnType<typeof appendMessages>): Promise<AppendResp> {
    return new Promise((resolve, reject) => {
      const sink = call.streams.append(call.metadata, call.options, (error, response) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve(response);
      });
      const timer = setTimeout(() => {
        reject(new Fault('lost', `no answer within ${this.timeoutMs} ms`));
        sink.cancel();
      }, this.timeoutMs);
      sink.on('error', reject);
      send(sink, messages);
    });
  }
}

/** Not waiting for the stream to drain: an append is a few MiB at most, and who waits has been counted before. */
function send(
  sink: ClientWritableStream<ReturnType<typeof appendMessages>[number]>,
  messages: ReturnType<typeof appendMessages>,
): void {
  for (const message of messages) sink.write(message);
  sink.end();
}

async function* patiently(
  answers: ClientReadableStream<ReadResp>,
  quietMs: number,
  onQuiet: () => Promise<boolean>,
): AsyncGenerator<ReadResp> {
  // A Readable iterates over `any`.
  const iterator = answers[Symbol.asyncIterator]() as AsyncIterator<ReadResp, undefined>;
  let asked: Promise<boolean> | undefined;
  for (;;) {
    const there = answers.readableLength > 0;
    const next = iterator.next();
    while (!there && !(await settlesWithin(quietMs, next))) {
      asked ??= onQuiet().finally(() => (asked = undefined));
      // The question may take long, and what comes meanwhile does not wait for its answer.
      if (await sooner(next, asked)) throw new Fault('lost', `no answer within ${quietMs} ms`);
    }
    const { done, value } = await next;
    if (done) return;
    yield value;
  }
}

async function brokenOff(): Promise<boolean> {
  return true;
}

/** What the answer is if it comes first, else false. */
function sooner(next: Promise<unknown>, answer: Promise<boolean>): Promise<boolean> {
  const came = () => false;
  return Promise.race([next.then(came, came), answer]);
}

/** What comes of it, or undefined as soon as it is aborted. */
function unlessAborted<T>(made: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return made;
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    made.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function end(answers: ClientReadableStream<ReadResp>): void {
  if (answers.destroyed) return;
  answers.cancel();
  answers.destroy(new Fault('lost', 'the read was ended'));
}

function written(response: AppendResp): Written {
  if (response.hasWrongExpectedVersion())
    throw new Fault('wrong-revision', 'the stream is at another revision');
  const success = response.getSuccess();
  if (!success?.hasCurrentRevision()) throw new Fault('lost', 'an answer without a revision');
  const commit = success.getPosition()?.getCommitPosition();
  return {
    revision: BigInt(success.getCurrentRevision()),
    position: commit === undefined ? undefined : positionOf(commit),
  };
}
