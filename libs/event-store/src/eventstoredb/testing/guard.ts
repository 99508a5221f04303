import type { Right } from './access';
import { beforehand, type Blow } from './blow';
import type { Fault, FaultyCall } from './faults';
import { type AnyCall, type Node, wantsLeader } from './node';
import { rpc } from './status';

/** What is decided about a call before it is done: it is refused, or meets a blow now, or a fault on its way. */
export interface Admission {
  readonly fault: Fault | undefined;
  readonly blow: Blow | undefined;
}

/** Every call passes here: the faults first, then the rights, then who leads. */
export function admit(
  node: Node,
  call: AnyCall,
  what: { readonly call: FaultyCall; readonly right: Right; readonly stream: string },
): Admission {
  const fault = node.faults.draw(what.call, what.stream);
  const blow = beforehand(node, fault) ?? node.access.refusal(call.metadata, what.right, what.stream);
  if (blow) return { fault, blow };
  return { fault, blow: wantsLeader(node, call) ? rpc.notLeader(node.leader()) : undefined };
}
