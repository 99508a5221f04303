import type { Actor, Fact } from '@gatehouse/domain';
import type { Source } from './envelope';

/** What `lifecycle` carries: every event, as the API's history tells it. */
export type Lifecycle = {
  readonly position: string;
  readonly stream: string;
  readonly revision: string;
  readonly id: string;
  readonly type: Fact['type'];
  readonly tenant: string;
  readonly model: string | null;
  readonly version: number;
  readonly time: string;
  readonly actor: Actor;
  readonly correlation: string;
  readonly causation: string | null;
  readonly data: Fact['data'];
};

export function lifecycle({ fact, stream }: Source): Lifecycle {
  const { meta } = fact;
  return {
    position: String(fact.position),
    stream,
    revision: String(fact.revision),
    id: fact.id,
    type: fact.type,
    tenant: meta.tenant,
    model: meta.model ?? null,
    // A rollback is about the version that it left.
    version: fact.type === 'model.RolledBack' ? fact.data.from.version : fact.data.version,
    time: meta.time,
    actor: meta.actor,
    correlation: meta.correlation,
    causation: meta.causation ?? null,
    data: fact.data,
  };
}
