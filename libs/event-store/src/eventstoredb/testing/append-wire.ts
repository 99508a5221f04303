import { AllStreamPosition, Empty } from '@eventstore/db-client/generated/shared_pb';
import {
  type AppendReq,
  AppendResp,
  type BatchAppendReq,
  BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb';
import { batchStatus } from './batch-status';
import type { AppendOutcome, Expected, ProposedEvent } from './record';
import { streamName } from './wire';

/** An append whose events are still coming in. */
export interface PendingAppend {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: ProposedEvent[];
}

/** How every request says what it expects, whatever it calls the revision. */
interface Expecting {
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
}

export function expectedOf(options: Expecting, revision: string | undefined): Expected {
  if (revision !== undefined) return Number(revision);
  if (options.hasNoStream()) return 'no_stream';
  return options.hasStreamExists() ? 'stream_exists' : 'any';
}

export function openedAppend(request: AppendReq): PendingAppend {
  const options = request.getOptions()!;
  const expected = expectedOf(options, options.hasRevision() ? options.getRevision() : undefined);
  return { stream: streamName(options.getStreamIdentifier()), expected, events: [] };
}

export function openedBatch(request: BatchAppendReq): PendingAppend {
  const options = request.getOptions()!;
  const expected = expectedOf(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined);
  return { stream: streamName(options.getStreamIdentifier()), expected, events: [] };
}

/** The answer to a single append. Older servers give no position. */
export function appendResponse(
  pending: PendingAppend,
  outcome: Exclude<AppendOutcome, { kind: 'deleted' }>,
  positioned: boolean,
): AppendResp {
  const response = new AppendResp();
  if (outcome.kind === 'wrong-version') {
    return response.setWrongExpectedVersion(wrongVersion(pending.expected, outcome.current));
  }
  const success = new AppendResp.Success().setCurrentRevision(String(outcome.revision));
  const at = String(outcome.position);
  return response.setSuccess(
    positioned
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

/** Fills the answer to one append of a batch. */
export function batchResponse(
  response: BatchAppendResp,
  pending: PendingAppend,
  outcome: AppendOutcome,
  positioned: boolean,
): BatchAppendResp {
  if (outcome.kind === 'deleted') return response.setError(batchStatus.deleted(pending.stream));
  if (outcome.kind === 'wrong-version') {
    return response.setError(batchStatus.wrongVersion(pending.expected, outcome.current));
  }
  const success = new BatchAppendResp.Success().setCurrentRevision(String(outcome.revision));
  const at = String(outcome.position);
  if (positioned) success.setPosition(new AllStreamPosition().setCommitPosition(at).setPreparePosition(at));
  return response.setSuccess(success);
}
