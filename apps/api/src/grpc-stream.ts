import type { ServerWritableStream } from '@grpc/grpc-js';

/**
 * Writes messages one by one, and asks for the next only when there is room: a slow reader costs the buffer of one
 * stream. Ends early, and lets go of the source, when the client has gone.
 */
export async function streamTo<T>(
  call: ServerWritableStream<unknown, T>,
  messages: AsyncIterable<T>,
): Promise<void> {
  for await (const message of messages) {
    if (call.cancelled) return;
    if (!call.write(message)) await drained(call);
    if (call.cancelled) return;
  }
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      call.off('cancelled', done);
      call.off('close', done);
      resolve();
    };
    call.on('drain', done);
    call.on('cancelled', done);
    call.on('close', done);
  });
}
