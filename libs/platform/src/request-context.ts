import type { ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import { withoutCredentials } from '@gatehouse/identity';
import { randomUUID } from 'node:crypto';
import type { Caller } from './access/caller';

/** What is known of a request from its first byte on, whichever door it came through. */
export type RequestContext = {
  /** `X-Request-Id`, taken if sane, else made. Echoed, logged, and kept as the correlation id of what is recorded. */
  readonly requestId: string;
  /** W3C trace context, as it came, if it is well formed. */
  readonly traceparent?: string;
  /** `performance.now()` at the start. */
  readonly startedAt: number;
  /** Set by the guard; absent on public routes. */
  caller?: Caller;
  /** What the route or RPC lets its caller do; set by the guard. */
  operation?: string;
  /** Aborted with the answer as its reason when the deadline passes. Absent where nothing is waited for. */
  signal?: AbortSignal;
  /** gRPC only: what goes out as initial metadata, before the answer (`gatehouse-position`, `etag` …). */
  readonly initial?: Metadata;
};

/** A request or call that carries its context: a Fastify request, or a gRPC call. */
export type WithContext = { gatehouse: RequestContext };

/** Of the time that a request may take. The rest is for the answer: the door itself cannot say what became of a command. */
const SHARE = 0.95;

const SANE_ID = /^[\x21-\x7e]{1,128}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Opens the context of a request from what its headers (or metadata) say. */
export function openContext(requestId: unknown, traceparent: unknown, initial?: Metadata): RequestContext {
  return {
    requestId: isSane(requestId) ? requestId : randomUUID(),
    traceparent: typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined,
    startedAt: performance.now(),
    initial,
  };
}

/** It is told to many: a credential that was put in the wrong header is none. */
function isSane(id: unknown): id is string {
  return typeof id === 'string' && SANE_ID.test(id) && withoutCredentials(id) === id;
}

/** The context of the request that is being handled, over HTTP and over gRPC. */
export function contextOf(execution: ExecutionContext): RequestContext {
  return carrierOf(execution).gatehouse;
}

/** Over HTTP the request, over gRPC the call (the third argument of a handler). */
function carrierOf(execution: ExecutionContext): WithContext {
  return execution.getArgByIndex<WithContext>(execution.getType() === 'http' ? 0 : 2);
}

/** By when a command has its answer, in `performance.now()` time. `timeoutMs`: the longest that a request may take. */
export function deadlineOf({ startedAt }: Pick<RequestContext, 'startedAt'>, timeoutMs: number): number {
  return startedAt + SHARE * timeoutMs;
}
