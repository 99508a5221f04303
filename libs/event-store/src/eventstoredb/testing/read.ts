import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { deal, midway } from './blow';
import type { Fault } from './faults';
import { type Filter, filterOf } from './filter';
import { admit } from './guard';
import { atLeast, type Node } from './node';
import { Outbox } from './outbox';
import { AllSource, type Source, sourceOf } from './source';
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
    const options = call.request.getOptions()!;
    const stream = options.hasStream() ? streamName(options.getStream()!.getStreamIdentifier()) : '$all';
    const right = options.hasStream() ? 'read' : 'read-all';
    const { fault, blow } = admit(node, call, {
      call: options.hasSubscription() ? 'subscribe' : right,
      right,
      stream,
    });
    if (blow) return deal(node, call, blow, (error) => out.fail(error));
    if (node.log.stream(stream)?.tombstoned) return out.fail(rpc.streamDeleted(stream));
    serve(node, options, out, fault).catch((error: unknown) => out.fail(error));
  };
}

async function serve(node: Node, options: ReadOptions, out: Outbox, fault: Fault | undefined): Promise<void> {
  await new Reading(node, options, out, fault).run();
}

/** One call's way through a stream or the log. */
class Reading {
  private readonly source: Source;
  private readonly filter: Filter | undefined;
  private readonly positioned: boolean;
  private looked = 0;
  private sent = 0;
  private due = 0;

  constructor(
    private readonly node: Node,
    private readonly options: ReadOptions,
    private readonly out: Outbox,
    private readonly fault: Fault | undefined,
  ) {
    // Older versions have no name for it.
    const refused = atLeast(node, '23.6') ? rpc.invalidPosition : rpc.unknownError;
    this.source = sourceOf(node.log, options, refused);
    this.filter = filterOf(options);
    this.positioned = this.source instanceof AllSource || atLeast(node, '22.10');
  }

  async run(): Promise<void> {
    if (this.options.hasSubscription()) return this.follow();
    if (this.source.missing) this.out.write(streamNotFound(this.source.missing));
    else if (!(await this.read())) return;
    this.out.end();
  }

  /** False when a fault has taken over. */
  private async read(): Promise<boolean> {
    const { source, out } = this;
    const backwards = this.options.getReadDirection() === ReadReq.Options.ReadDirection.BACKWARDS;
    const limit = Number(this.options.getCount());
    for (const event of backwards ? source.backwards() : source.forwards()) {
      if (this.sent >= limit || out.signal.aborted) break;
      const looking = this.look();
      if (looking) await looking;
      if (this.filter && !this.filter.passes(event)) continue;
      if (this.struck()) return false;
      this.sent++;
      if (!out.write(eventResponse(event, this.positioned))) await out.drained();
    }
    return !this.struck(true);
  }

  private async follow(): Promise<void> {
    const { out } = this;
    out.write(confirmation(randomUUID()));
    for (let live = false; !out.signal.aborted; live = true) {
      if (!(await this.catchUp())) return;
      if (!live && atLeast(this.node, '23.10')) out.write(caughtUp());
      await this.node.log.moved(out.signal);
    }
  }

  /** Sends all there is; false when a fault has taken over. */
  private async catchUp(): Promise<boolean> {
    const { filter, out } = this;
    for (const event of this.source.forwards()) {
      const looking = this.look();
      if (looking) await looking;
      if (out.signal.aborted) return false;
      if (this.struck()) return false;
      if (!filter || filter.passes(event)) {
        if (!this.withheld()) out.write(eventResponse(event, this.positioned));
        this.sent++;
      }
      if (filter && this.looked % filter.checkpointEvery === 0) out.write(checkpoint(event.position));
      if (out.behind) await out.drained();
    }
    return true;
  }

  /** Takes the time that one event takes. */
  private look(): Promise<unknown> | undefined {
    this.looked++;
    const { lookMs } = this.node;
    if (!this.filter || lookMs === 0) return undefined;
    this.due += lookMs;
    if (this.due < 10) return undefined;
    const ms = Math.floor(this.due);
    this.due -= ms;
    return sleep(ms);
  }

  private withheld(): boolean {
    return this.fault?.kind === 'checkpoints-only' && this.sent >= this.fault.after;
  }

  /** Whether the fault that comes midway has come. At the end of a read it comes at the latest. */
  private struck(atTheEnd = false): boolean {
    const blow = midway(this.node, this.fault);
    if (!blow || (!atTheEnd && this.sent < this.fault!.after)) return false;
    deal(this.node, this.out.call, blow, (error) => this.out.fail(error));
    return true;
  }
}
