import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb';
import type { handleClientStreamingCall, sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';
import { appendResponse, openedAppend, type PendingAppend } from './append-wire';
import { afterCommit, deal } from './blow';
import { admit } from './guard';
import { atLeast, type Node } from './node';
import { sizeOnDisk } from './record';
import { rpc } from './status';
import { proposed } from './wire';

/** The older append: one call for one append, a gRPC error for what is refused. */
export function appendHandler(node: Node): handleClientStreamingCall<AppendReq, AppendResp> {
  return (call, answer) => {
    let pending: PendingAppend | undefined;
    call.on('data', (request: AppendReq) => {
      const message = request.getProposedMessage();
      if (message) pending?.events.push(proposed(message));
      else pending = openedAppend(request);
    });
    // A call that breaks off ends, too, and only then is said to be cancelled: half an append is none.
    call.on('end', () =>
      setImmediate(() => {
        if (pending && !call.cancelled) commit(node, call, pending, answer);
      }),
    );
    call.on('error', () => (pending = undefined));
  };
}

function commit(
  node: Node,
  call: ServerReadableStream<AppendReq, AppendResp>,
  pending: PendingAppend,
  answer: sendUnaryData<AppendResp>,
): void {
  const { stream, expected, events } = pending;
  const { fault, blow } = admit(node, call, { call: 'append', right: 'append', stream });
  if (blow) return deal(node, call, blow, answer);
  if (tooLarge(node, pending)) return answer(rpc.appendTooLarge(node.maxAppendSize));
  const outcome = node.log.append(stream, expected, events);
  const later = afterCommit(node, fault);
  if (later) return deal(node, call, later, answer);
  if (outcome.kind === 'deleted') return answer(rpc.streamDeleted(stream));
  answer(null, appendResponse(pending, outcome, atLeast(node, '22.10')));
}

export function tooLarge(node: Node, pending: PendingAppend): boolean {
  return pending.events.reduce((size, event) => size + sizeOnDisk(event), 0) > node.maxAppendSize;
}
