import { contextOf, type Caller, type RequestContext } from '@gatehouse/platform';
import type { Metadata } from '@grpc/grpc-js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HeaderReader } from './preconditions';

/** What surrounds the body of a request: the same through both doors. */
export type Exchange = {
  readonly caller: Caller;
  readonly context: RequestContext;
  /** Reads a header of the request, or an entry of its metadata. */
  readonly header: HeaderReader;
  /** Sets a header of the answer, or an entry of its initial metadata. */
  readonly set: (name: string, value: string) => void;
};

/** Parameter decorator: the `Exchange` of a request that needs a credential. */
export const Exchanging = createParamDecorator((_: unknown, execution: ExecutionContext): Exchange => {
  const context = contextOf(execution);
  // Such a request has passed the guard.
  const caller = context.caller!;
  if (execution.getType() === 'http') {
    const { headers } = execution.getArgByIndex<FastifyRequest>(0);
    const reply = execution.getArgByIndex<FastifyReply>(1);
    return {
      caller,
      context,
      header: (name) => headers[name]?.toString(),
      set: (name, value) => void reply.header(name, value),
    };
  }
  const metadata = execution.getArgByIndex<Metadata>(1);
  return {
    caller,
    context,
    header: (name) => (metadata.get(name).length === 0 ? undefined : metadata.get(name).join(', ')),
    set: (name, value) => context.initial?.set(name, value),
  };
});
