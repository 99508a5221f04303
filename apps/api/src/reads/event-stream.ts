import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';

export const EVENT_STREAM = 'text/event-stream';
export const NDJSON = 'application/x-ndjson';
const BEAT_MS = 15_000;
const CHUNK = 32 * 1024;

/** A controller that is aborted when the client has gone. */
export function leaving(reply: FastifyReply): AbortController {
  const left = new AbortController();
  if (reply.raw.closed) left.abort();
  else reply.raw.once('close', () => left.abort());
  return left;
}

/** Sends text as it comes, and asks for more only when the client has room. A HEAD gets the headers, without a length, as a GET does. */
export function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  type: string,
  text: AsyncIterable<string>,
): void {
  reply.header('content-type', type).header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  if (request.method === 'HEAD') void reply.send(Readable.from([]));
  else void reply.send(Readable.from(text, { objectMode: false, highWaterMark: CHUNK }));
}

/** One message of an event stream. JSON has no line breaks, so a message is one line. */
export function sse(id: string | number, data: unknown): string {
  return `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Items as lines of JSON, as many to a chunk as `size` characters take. */
export async function* lines(items: AsyncIterable<unknown>, size = CHUNK): AsyncGenerator<string, void> {
  let chunk = '';
  for await (const item of items) {
    chunk += `${JSON.stringify(item)}\n`;
    if (chunk.length < size) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

/** The same text with a comment at the start, so that the client sees the answer's head, and whenever nothing comes for a while. */
export async function* beating(
  text: AsyncIterable<string>,
  left: AbortController,
  everyMs = BEAT_MS,
): AsyncGenerator<string, void> {
  const source: AsyncIterator<string, unknown> = text[Symbol.asyncIterator]();
  yield ': gatehouse\n\n';
  try {
    for (;;) {
      const arrival = new Arrival(source.next());
      while (!(await arrival.within(everyMs))) yield ': still here\n\n';
      const next = arrival.result;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    left.abort();
    await source.return?.();
  }
}

/** A promise that can be waited for many times: racing it each time would pile up reactions on it. */
class Arrival<T> {
  private state: { value: T } | { error: unknown } | undefined;
  private wake: () => void = () => undefined;

  constructor(promise: Promise<T>) {
    promise.then(
      (value) => this.arrived({ value }),
      (error: unknown) => this.arrived({ error }),
    );
  }

  /** Whether it has arrived, after waiting for so long at most. */
  async within(ms: number): Promise<boolean> {
    if (this.state !== undefined) return true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.state !== undefined;
  }

  /** What arrived; throws what went wrong. */
  get result(): T {
    if (this.state === undefined) throw new Error('nothing has arrived');
    if ('error' in this.state) throw this.state.error;
    return this.state.value;
  }

  private arrived(state: { value: T } | { error: unknown }): void {
    this.state = state;
    this.wake();
  }
}
