import type { ServerWritableStream } from '@grpc/grpc-js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

/** Parameter decorator of an RPC: a controller that is aborted when the client has gone. */
export const Leaving = createParamDecorator((_: unknown, execution: ExecutionContext): AbortController => {
  const left = new AbortController();
  const call = execution.getArgByIndex<ServerWritableStream<unknown, unknown>>(2);
  if (call.cancelled) left.abort();
  else call.once('cancelled', () => left.abort());
  return left;
});
