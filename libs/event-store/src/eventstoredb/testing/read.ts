import { randomUUID } from 'node:crypto';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { filterOf } from './filter';
import { atLeast, type Node } from './node';
import { Outbox } from './outbox';
import { type Source, AllSource, StreamSource } from './source';
import { rpc } from './status';
import {
  caughtUp,
  checkpoint,
  confirmation,
  eventResponse,
  type ReadOptions,
  streamName,
  streamNotFound,
} from './wire';

/** One RPC for four things: a stream or `$all`, read or followed. */
export function readHandler(node: Node): handleServerStreamingCall<ReadReq, Buffer> {
  return (call) => {
    const out = new Outbox(call);
    serve(node, call.request.getOptions()!, out).catch((error: unknown) => out.fail(error));
  };
}

async function serve(node: Node, options: ReadOptions, out: Outbox): Promise<void> {
  const source = sourceOf(node, options);
  if (options.hasSubscription()) return follow(node, source, options, out);
  if (source.missing) out.write(streamNotFound(source.missing));
  else await read(node, source, options, out);
  out.end();
}

async function read(node: Node, source: Source, options: ReadOptions, out: Outbox): Promise<void> {
  const filter = filterOf(options);
  const positioned = source instanceof AllSource || atLeast(node, '22.10');
  let left = Number(options.getCount());
  const backwards = options.getReadDirection() === 1;
  for (const event of backwards ? source.backwards() : source.forwards()) {
    if (left === 0 || out.signal.aborted) return;
    if (filter && !filter.passes(event)) continue;
    left--;
    if (!out.write(eventResponse(event, positioned))) await out.drained();
  }
}

async function follow(node: Node, source: Source, options: ReadOptions, out: Outbox): Promise<void> {
  const filter = filterOf(options);
  const positioned = source instanceof AllSource || atLeast(node, '22.10');
  out.write(confirmation(randomUUID()));
  let looked = 0;
  let live = false;
  while (!out.signal.aborted) {
    for (const event of source.forwards()) {
      if (out.signal.aborted) return;
      looked++;
      const ready = filter && !filter.passes(event) ? true : out.write(eventResponse(event, positioned));
      if (filter && looked % filter.checkpointEvery === 0) out.write(checkpoint(event.position));
      if (!ready) await out.drained();
    }
    if (!live && atLeast(node, '23.10')) out.write(caughtUp());
    live = true;
    await node.log.moved(out.signal);
  }
}

function sourceOf(node: Node, options: ReadOptions): Source {
  const stream = options.getStream();
  if (!stream) return allSource(node, options);
  const name = streamName(stream.getStreamIdentifier());
  const start = stream.hasRevision() ? Number(stream.getRevision()) : stream.hasEnd() ? 'end' : 'start';
  if (node.log.stream(name)?.tombstoned) throw rpc.streamDeleted(name);
  return new StreamSource(node.log, name, start, options.hasSubscription());
}

function allSource(node: Node, options: ReadOptions): Source {
  const all = options.getAll();
  const position = all?.getPosition();
  const start = position ? Number(position.getCommitPosition()) : all?.hasEnd() ? 'end' : 'start';
  if (typeof start === 'number' && !node.log.isBoundary(start)) throw rpc.invalidPosition();
  return new AllSource(node.log, start, options.hasSubscription());
}
