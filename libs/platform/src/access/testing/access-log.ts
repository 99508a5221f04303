import { accessStream } from '@gatehouse/domain';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';

/** Who writes the log, and is the first admin in it. */
export const ACTOR = { id: 'admin', kind: 'user' };

/** The log of the access of the tenant `t`, as a service writes it. */
export class AccessLog {
  readonly store = new MemoryEventStore();
  private revision = -1n;

  async append(type: string, data: Record<string, unknown>): Promise<void> {
    const id = `00000000-0000-4000-8000-00000000000${this.revision + 1n}`;
    const command = { id, fingerprint: 'x' };
    const time = '2026-03-01T12:00:00.000Z';
    const meta = { id, time, tenant: 't', actor: ACTOR, auth: { method: 'key' }, command, schema: 1 };
    await this.store.append(accessStream('t'), this.revision, [{ id, type, data, meta }]);
    this.revision += 1n;
  }
}
