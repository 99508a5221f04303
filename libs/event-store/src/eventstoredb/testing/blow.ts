import type { Fault, FaultKind } from './faults';
import type { AnyCall, Node } from './node';
import { rpc, type RpcError } from './status';

/** How a fault looks to the client: an error, silence, or a cut connection. */
export type Blow = RpcError | 'hang' | 'reset';

type Blows = Partial<Record<FaultKind, (node: Node) => Blow>>;

const BEFOREHAND: Blows = {
  unavailable: rpc.unavailable,
  busy: rpc.busy,
  deadline: rpc.deadline,
  'not-leader': (node) => rpc.notLeader(node.leader()),
  hang: () => 'hang',
  reset: () => 'reset',
};

const AFTER_COMMIT: Blows = {
  'lost-answer': rpc.unavailable,
  'deadline-after-commit': rpc.deadline,
  'hang-after-commit': () => 'hang',
  'reset-after-commit': () => 'reset',
};

const MIDWAY: Blows = {
  'unavailable-midway': rpc.unavailable,
  'unknown-midway': rpc.unknownError,
  'reset-midway': () => 'reset',
  stall: () => 'hang',
  'too-slow': rpc.tooSlow,
};

/** The blow that comes before the call has done anything. */
export function beforehand(node: Node, fault: Fault | undefined): Blow | undefined {
  return fault && BEFOREHAND[fault.kind]?.(node);
}

/** The blow that comes after the commit, in place of the answer. */
export function afterCommit(node: Node, fault: Fault | undefined): Blow | undefined {
  return fault && AFTER_COMMIT[fault.kind]?.(node);
}

/** The blow that ends a stream of answers in its middle. */
export function midway(node: Node, fault: Fault | undefined): Blow | undefined {
  return fault && MIDWAY[fault.kind]?.(node);
}

/** Deals the blow; `fail` answers with an error. */
export function deal(node: Node, call: AnyCall, blow: Blow, fail: (error: RpcError) => void): void {
  if (blow === 'reset') node.cut(call.getPeer());
  else if (blow !== 'hang') fail(blow);
}
