import type { handleBidiStreamingCall, handleClientStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import {
  type AppendReq,
  AppendResp,
  type BatchAppendReq,
  BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb';
import { AllStreamPosition, Empty } from '@eventstore/db-client/generated/shared_pb';
import { batchStatus } from './batch-status';
import { atLeast, type Node } from './node';
import { type AppendOutcome, type Expected, type ProposedEvent, sizeOnDisk } from './record';
import { rpc } from './status';
import { identifier, proposed, streamName } from './wire';

export interface PendingAppend {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: ProposedEvent[];
}

/** The older append: one call for one append, a gRPC error for what is refused. */
export function appendHandler(node: Node): handleClientStreamingCall<AppendReq, AppendResp> {
  return (call, answer) => {
    let pending: PendingAppend | undefined;
    call.on('data', (request: AppendReq) => {
      const message = request.getProposedMessage();
      if (message) pending?.events.push(proposed(message));
      else pending = opened(request);
    });
    call.on('end', () => {
      if (!pending) return;
      if (tooLarge(node, pending)) return answer(rpc.appendTooLarge(node.maxAppendSize));
      const outcome = node.log.append(pending.stream, pending.expected, pending.events);
      if (outcome.kind === 'deleted') return answer(rpc.streamDeleted(pending.stream));
      answer(null, appendResponse(node, pending, outcome));
    });
  };
}

/** Many appends over one stream, each answered under its correlation id, an append's error inside the answer. */
export function batchAppendHandler(node: Node): handleBidiStreamingCall<BatchAppendReq, BatchAppendResp> {
  return (call) => {
    const unfinished = new Map<string, PendingAppend>();
    call.on('data', (request: BatchAppendReq) => {
      const correlation = request.getCorrelationId()?.getString() ?? '';
      const pending = unfinished.get(correlation) ?? openedBatch(request);
      pending.events.push(...request.getProposedMessagesList().map(proposed));
      if (!request.getIsFinal()) return void unfinished.set(correlation, pending);
      unfinished.delete(correlation);
      commitBatch(node, call, request, pending);
    });
    call.on('end', () => call.end());
  };
}

function commitBatch(
  node: Node,
  call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>,
  request: BatchAppendReq,
  pending: PendingAppend,
): void {
  const response = new BatchAppendResp()
    .setCorrelationId(request.getCorrelationId())
    .setStreamIdentifier(identifier(pending.stream));
  if (tooLarge(node, pending)) {
    call.write(response.setError(batchStatus.tooLarge(node.maxAppendSize)));
    return;
  }
  const outcome = node.log.append(pending.stream, pending.expected, pending.events);
  call.write(batchResponse(node, response, pending, outcome));
}

function opened(request: AppendReq): PendingAppend {
  const options = request.getOptions()!;
  const expected: Expected = options.hasRevision()
    ? Number(options.getRevision())
    : options.hasNoStream()
      ? 'no_stream'
      : options.hasStreamExists()
        ? 'stream_exists'
        : 'any';
  return { stream: streamName(options.getStreamIdentifier()), expected, events: [] };
}

function openedBatch(request: BatchAppendReq): PendingAppend {
  const options = request.getOptions()!;
  const expected: Expected = options.hasStreamPosition()
    ? Number(options.getStreamPosition())
    : options.hasNoStream()
      ? 'no_stream'
      : options.hasStreamExists()
        ? 'stream_exists'
        : 'any';
  return { stream: streamName(options.getStreamIdentifier()), expected, events: [] };
}

function tooLarge(node: Node, pending: PendingAppend): boolean {
  return pending.events.reduce((size, event) => size + sizeOnDisk(event), 0) > node.maxAppendSize;
}

type Answered = Exclude<AppendOutcome, { kind: 'deleted' }>;

function appendResponse(node: Node, pending: PendingAppend, outcome: Answered): AppendResp {
  const response = new AppendResp();
  if (outcome.kind === 'wrong-version') {
    return response.setWrongExpectedVersion(wrongVersion(pending.expected, outcome.current));
  }
  const success = new AppendResp.Success().setCurrentRevision(String(outcome.revision));
  const at = String(outcome.position);
  return response.setSuccess(
    atLeast(node, '22.10')
      ? success.setPosition(new AppendResp.Position().setCommitPosition(at).setPreparePosition(at))
      : success.setNoPosition(new Empty()),
  );
}

function wrongVersion(expected: Expected, current: number): AppendResp.WrongExpectedVersion {
  const wrong = new AppendResp.WrongExpectedVersion();
  if (current >= 0) wrong.setCurrentRevision(String(current));
  else wrong.setCurrentNoStream(new Empty());
  if (expected === 'any') return wrong.setExpectedAny(new Empty());
  if (expected === 'no_stream') return wrong.setExpectedNoStream(new Empty());
  if (expected === 'stream_exists') return wrong.setExpectedStreamExists(new Empty());
  return wrong.setExpectedRevision(String(expected));
}

function batchResponse(
  node: Node,
  response: BatchAppendResp,
  pending: PendingAppend,
  outcome: AppendOutcome,
): BatchAppendResp {
  if (outcome.kind === 'deleted') return response.setError(batchStatus.deleted(pending.stream));
  if (outcome.kind === 'wrong-version') {
    return response.setError(batchStatus.wrongVersion(pending.expected, outcome.current));
  }
  const success = new BatchAppendResp.Success().setCurrentRevision(String(outcome.revision));
  const at = String(outcome.position);
  if (atLeast(node, '22.10')) {
    success.setPosition(new AllStreamPosition().setCommitPosition(at).setPreparePosition(at));
  }
  return response.setSuccess(success);
}
