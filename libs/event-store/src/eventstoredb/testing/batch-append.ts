import { type BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import type { Status } from '@eventstore/db-client/generated/status_pb';
import { type handleBidiStreamingCall, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { tooLarge } from './append';
import { batchResponse, openedBatch, type PendingAppend } from './append-wire';
import { batchStatus } from './batch-status';
import { afterCommit, type Blow } from './blow';
import { admit } from './guard';
import { atLeast, type Node } from './node';
import { type RpcError, rpc } from './status';
import { identifier, proposed } from './wire';

type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;

/** Many appends over one stream, each answered under its correlation id, an append's error inside the answer. */
export function batchAppendHandler(node: Node): handleBidiStreamingCall<BatchAppendReq, BatchAppendResp> {
  return (call) => new Batch(node, call).listen();
}

class Batch {
  private readonly unfinished = new Map<string, PendingAppend>();
  /** After an error on the stream nothing that still comes in is done. */
  private over = false;

  constructor(
    private readonly node: Node,
    private readonly call: BatchCall,
  ) {}

  listen(): void {
    this.call.on('data', (request: BatchAppendReq) => this.take(request));
    this.call.on('end', () => this.over || this.call.end());
    this.call.on('cancelled', () => (this.over = true));
    this.call.on('error', () => (this.over = true));
  }

  private take(request: BatchAppendReq): void {
    if (this.over) return;
    const correlation = request.getCorrelationId()?.getString() ?? '';
    const pending = this.unfinished.get(correlation) ?? openedBatch(request);
    pending.events.push(...request.getProposedMessagesList().map(proposed));
    if (!request.getIsFinal()) return void this.unfinished.set(correlation, pending);
    this.unfinished.delete(correlation);
    this.commit(request, pending);
  }

  private commit(request: BatchAppendReq, pending: PendingAppend): void {
    const { stream, expected, events } = pending;
    const response = new BatchAppendResp()
      .setCorrelationId(request.getCorrelationId())
      .setStreamIdentifier(identifier(stream));
    const { fault, blow } = admit(this.node, this.call, { call: 'append', right: 'append', stream });
    if (blow) return this.deal(blow, response);
    if (tooLarge(this.node, pending)) {
      return this.answer(response.setError(batchStatus.tooLarge(this.node.maxAppendSize)));
    }
    const outcome = this.node.log.append(stream, expected, events);
    const later = afterCommit(this.node, fault);
    if (later) return this.deal(later, response);
    this.answer(batchResponse(response, pending, outcome, atLeast(this.node, '22.10')));
  }

  private deal(blow: Blow, response: BatchAppendResp): void {
    if (blow === 'hang') return;
    if (blow === 'reset') return this.node.cut(this.call.getPeer());
    const inside = insideAnswer(blow);
    if (inside) return this.answer(response.setError(inside));
    this.over = true;
    this.call.emit('error', blow);
  }

  private answer(response: BatchAppendResp): void {
    this.call.write(response);
  }
}

/** What the real server says about one append without ending the stream for the others. */
function insideAnswer(error: RpcError): Status | undefined {
  if (error.code === status.PERMISSION_DENIED) return batchStatus.denied();
  if (error.code === status.DEADLINE_EXCEEDED) return batchStatus.timeout();
  return error.details === rpc.busy().details ? batchStatus.busy() : undefined;
}
