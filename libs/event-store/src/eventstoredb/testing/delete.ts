import { Empty } from '@eventstore/db-client/generated/shared_pb';
import {
  DeleteReq,
  DeleteResp,
  TombstoneReq,
  TombstoneResp,
} from '@eventstore/db-client/generated/streams_pb';
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { expectedOf } from './append-wire';
import { afterCommit, deal } from './blow';
import { admit } from './guard';
import type { Node } from './node';
import { rpc } from './status';
import { streamName } from './wire';

type Request = DeleteReq | TombstoneReq;

/** Deletes softly. */
export function deleteHandler(node: Node): handleUnaryCall<DeleteReq, DeleteResp> {
  return (call, answer) =>
    remove(node, call, answer, (stream) => {
      node.log.softDelete(stream);
      return new DeleteResp().setNoPosition(new Empty());
    });
}

/** Deletes for ever. */
export function tombstoneHandler(node: Node): handleUnaryCall<TombstoneReq, TombstoneResp> {
  return (call, answer) =>
    remove(node, call, answer, (stream) => {
      node.log.tombstone(stream);
      return new TombstoneResp().setNoPosition(new Empty());
    });
}

function remove<Answer>(
  node: Node,
  call: ServerUnaryCall<Request, Answer>,
  answer: sendUnaryData<Answer>,
  done: (stream: string) => Answer,
): void {
  const options = call.request.getOptions()!;
  const stream = streamName(options.getStreamIdentifier());
  const { fault, blow } = admit(node, call, { call: 'delete', right: 'delete', stream });
  if (blow) return deal(node, call, blow, answer);
  const there = node.log.stream(stream);
  if (there?.tombstoned) return answer(rpc.streamDeleted(stream));
  const expected = expectedOf(options, options.hasRevision() ? options.getRevision() : undefined);
  const current = there?.lastRevision ?? -1;
  if (typeof expected === 'number' && expected !== current) {
    return answer(rpc.wrongVersion(stream, String(expected), current));
  }
  const response = done(stream);
  const later = afterCommit(node, fault);
  if (later) return deal(node, call, later, answer);
  answer(null, response);
}
