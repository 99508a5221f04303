import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Access } from './access';
import type { Faults } from './faults';
import type { EsdbLog } from './log';
import type { Address } from './status';

export interface Member extends Address {
  readonly leader: boolean;
  readonly alive: boolean;
}

/** What the services of one node share. */
export interface Node {
  readonly log: EsdbLog;
  readonly version: string;
  /** Whether the node has the ServerFeatures service. */
  readonly tellsFeatures: boolean;
  readonly maxAppendSize: number;
  /** For so long it looks at one event of a filtered `$all`. */
  readonly lookMs: number;
  readonly faults: Faults;
  readonly access: Access;
  /** The cluster as gossip tells it; a server that stands alone leads itself. */
  members(): readonly Member[];
  leader(): Member;
  readonly leading: boolean;
  /** Cuts the connection a call came by, with everything else that runs over it. */
  cut(peer: string): void;
}

/** Whether a node is of that version or later: "22.10". */
export function atLeast(node: Node, version: string): boolean {
  const [major = 0, minor = 0] = node.version.split('.').map(Number);
  const [least = 0, leastMinor = 0] = version.split('.').map(Number);
  return major > least || (major === least && minor >= leastMinor);
}

/** What the handlers of every kind of call can ask of a call. */
export type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer'>;

/** A follower passes a call on to the leader, unless the client wants to talk to the leader itself. */
export function wantsLeader(node: Node, call: AnyCall): boolean {
  return !node.leading && call.metadata.get('requires-leader')[0]?.toString() === 'true';
}
