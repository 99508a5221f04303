import { decideAccess, type AccessCommand, type AccessContext } from '../access';
import type { AccessFact, Grantee } from '../access-events';
import { evolveAccess, noAccess, type AccessState } from '../access-state';
import { Rejected } from '../rejections';
import { ROLES, type RoleGrant } from '../roles';

export const NOW = '2026-03-01T12:00:00.000Z';
export const HASH = 'a'.repeat(64);
export const ADMIN = { id: 'admin', kind: 'user' } as const;
export const EVERY: readonly RoleGrant[] = ROLES.map((role) => ({ role }));

/** Who sends a command, where it is not the first admin. `credential`: the key that they come with; null: a token. */
export type Who = Partial<Omit<AccessContext, 'now'>> & {
  readonly credential?: string | null;
  readonly now?: string;
};

/** A tenant whose first admin has just got their key, `k0`. */
export class Tenant {
  readonly state: AccessState = noAccess();
  private revision = 0n;

  constructor() {
    const data = { key: 'k0', actor: ADMIN, roles: EVERY, hash: HASH };
    this.run({ verb: 'openTenant', data }, { actor: { id: 'gatehouse', kind: 'service' } });
  }

  /** What a command comes to; it is folded. */
  run(command: AccessCommand, { credential = 'k0', now = NOW, ...who }: Who = {}): number {
    const context = { actor: ADMIN, roles: EVERY, groups: [], makers: [], people: true, now, ...who };
    const events = decideAccess(command, this.state, context);
    const auth = credential === null ? { method: 'oidc' } : { method: 'key', credential };
    for (const event of events) {
      const meta = { id: 'x', time: now, tenant: 't', actor: context.actor, auth, schema: 1 };
      // What a fact's meta has besides is not looked at.
      const fact = { ...event, meta, id: 'x', revision: this.revision++, position: 1n };
      evolveAccess(this.state, fact as unknown as AccessFact);
    }
    return events.length;
  }

  refusal(command: AccessCommand, who: Who = {}): string {
    try {
      return `${this.run(command, who)} events`;
    } catch (error) {
      if (error instanceof Rejected) return error.code;
      throw error;
    }
  }
}

export const key = (
  id: string,
  actor: string,
  roles: readonly RoleGrant[],
  expires?: string,
): AccessCommand => ({
  verb: 'issueKey',
  data: { key: id, actor: { id: actor, kind: 'user' }, roles, hash: HASH, ...(expires && { expires }) },
});
export const revoke = (id: string): AccessCommand => ({ verb: 'revokeKey', data: { key: id } });
export const grant = (id: string, to: Grantee, role: RoleGrant): AccessCommand => ({
  verb: 'grant',
  data: { grant: id, to, ...role },
});
export const withdraw = (id: string): AccessCommand => ({ verb: 'withdraw', data: { grant: id } });
