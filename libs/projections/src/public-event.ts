import { decode, decodeAccess, decodePolicy, type Fact, type Meta } from '@gatehouse/domain';
import type { Recorded } from '@gatehouse/eventsourcing';
import type { PublicEvent } from './resources';

/** An event of a model as `history`, `events` and gRPC tell it. Throws `Undecodable`. */
export function publicEvent(recorded: Recorded): PublicEvent {
  const fact = decode(recorded);
  return told(recorded, fact.meta, { version: versionOf(fact) });
}

/** An event of who may do what, with the credential that it was done with, without the hash of a key: nobody needs it to check what was granted. Throws `Undecodable`. */
export function accessEvent(recorded: Recorded): PublicEvent {
  const { meta } = decodeAccess(recorded);
  const { hash: _, ...data } = recorded.data;
  return told(recorded, meta, { auth: meta.auth, data });
}

/** An event of a policy, with the credential that it was done with; `version` is the policy's. Throws `Undecodable`. */
export function policyEvent(recorded: Recorded): PublicEvent {
  const { meta, data } = decodePolicy(recorded);
  return told(recorded, meta, { auth: meta.auth, version: data.version });
}

function told(
  { position, stream, revision, id, type, data }: Recorded,
  meta: Meta,
  own: Partial<Pick<PublicEvent, 'auth' | 'version' | 'data'>>,
): PublicEvent {
  return {
    position: String(position),
    stream,
    revision: String(revision),
    id,
    type,
    tenant: meta.tenant,
    model: meta.model ?? null,
    version: null,
    time: meta.time,
    actor: meta.actor,
    correlation: meta.correlation,
    causation: meta.causation ?? null,
    data,
    ...own,
  };
}

/** Which version an event is about; a rollback is about the one that it left, as its command names it. */
function versionOf(fact: Fact): number {
  return fact.type === 'model.RolledBack' ? fact.data.from.version : fact.data.version;
}
