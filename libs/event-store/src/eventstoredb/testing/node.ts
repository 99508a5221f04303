import type { ServerUnaryCall } from '@grpc/grpc-js';
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
  readonly maxAppendSize: number;
  /** The cluster as gossip tells it; a server that stands alone leads itself. */
  members(): readonly Member[];
}

/** Whether a node is of that version or later: "22.10". */
export function atLeast(node: Node, version: string): boolean {
  const [major = 0, minor = 0] = node.version.split('.').map(Number);
  const [least = 0, leastMinor = 0] = version.split('.').map(Number);
  return major > least || (major === least && minor >= leastMinor);
}

/** What the handlers of every kind of call can ask of a call. */
export type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer'>;
