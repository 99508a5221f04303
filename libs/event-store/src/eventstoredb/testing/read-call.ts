import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { ServerWritableStream } from '@grpc/grpc-js';

/** A reading call. Its answers are bytes already, so that one event is encoded once for all who follow. */
export type ReadCall = ServerWritableStream<ReadReq, Buffer>;
