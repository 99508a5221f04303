import {
  AccessDenied,
  Empty,
  MaximumAppendSizeExceeded,
  StreamDeleted,
  Timeout,
  WrongExpectedVersion,
} from '@eventstore/db-client/generated/shared_pb';
import { Status } from '@eventstore/db-client/generated/status_pb';
import { Code } from '@eventstore/db-client/generated/code_pb';
import type { Expected } from './record';
import { identifier } from './wire';

/** Errors of one batch append: no gRPC error, but a status with a typed detail inside an ordinary answer. */
export const batchStatus = {
  wrongVersion: (expected: Expected, current: number) =>
    of(Code.ALREADY_EXISTS, 'Wrong expected version', 'WrongExpectedVersion', versions(expected, current)),
  deleted: (stream: string) =>
    of(
      Code.FAILED_PRECONDITION,
      'Stream is deleted.',
      'StreamDeleted',
      new StreamDeleted().setStreamIdentifier(identifier(stream)),
    ),
  denied: () => of(Code.PERMISSION_DENIED, 'Access Denied', 'AccessDenied', new AccessDenied()),
  timeout: () => of(Code.DEADLINE_EXCEEDED, 'Operation timed out.', 'Timeout', new Timeout()),
  tooLarge: (limit: number) =>
    of(
      Code.INVALID_ARGUMENT,
      'Maximum Append Size Exceeded.',
      'MaximumAppendSizeExceeded',
      new MaximumAppendSizeExceeded().setMaxappendsize(limit),
    ),
  busy: () => of(Code.UNAVAILABLE, 'Server Is Too Busy', 'Empty', new Empty()),
};

function versions(expected: Expected, current: number): WrongExpectedVersion {
  const detail = new WrongExpectedVersion();
  if (current >= 0) detail.setCurrentStreamRevision(String(current));
  else detail.setCurrentNoStream(new Empty());
  if (expected === 'any') return detail.setExpectedAny(new Empty());
  if (expected === 'no_stream') return detail.setExpectedNoStream(new Empty());
  if (expected === 'stream_exists') return detail.setExpectedStreamExists(new Empty());
  return detail.setExpectedStreamPosition(String(expected));
}

function of(code: Code, message: string, type: string, detail: { serializeBinary(): Uint8Array }): Status {
  const any = Buffer.concat([
    field(1, Buffer.from(`type.googleapis.com/event_store.client.${type}`)),
    field(2, detail.serializeBinary()),
  ]);
  // Built from bytes because google.protobuf.Any is in a package that is not a dependency of ours.
  return Status.deserializeBinary(field(3, any)).setCode(code).setMessage(message);
}

/** A length-delimited field of protobuf. */
function field(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}
