import {
  standingGrant,
  type AccessCommand,
  type Grant,
  type GrantOf,
  type RoleGrant,
} from '@gatehouse/domain';
import { mintApiKey } from '@gatehouse/identity';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { uuidv7 } from 'uuidv7';
import type { Exchange } from '../models/exchange';
import { idempotencyKey, refuseExpectedPointer } from '../models/preconditions';
import { present } from '../present';
import { granteeOf, type GrantDto, type IssueKeyDto, type RoleDto } from './access.dto';
import { FIRST_ADMIN } from './admin-key-file';
import { OnAccess, type AccessOutcome } from './on-access';
import {
  grantResource,
  keyResource,
  tenantResource,
  type GrantResource,
  type KeyResource,
  type TenantResource,
} from './resources';

/** What every write on access answers besides what it is about. */
export type Written = { readonly changed: boolean; readonly position: string };
/** `key`: the whole key, this once; null when the request is sent again, because it is not kept. */
export type IssuedKey = Written & KeyResource & { readonly key: string | null };
export type OpenedTenant = Written &
  TenantResource & { readonly admin: (KeyResource & { key: string | null }) | null };

/** Sends a command on access, and says in headers (or metadata) what the answer's body does not. */
@Injectable()
export class AccessWrites {
  constructor(private readonly commands: CommandBus) {}

  async issue({ actor, kind, roles, expires }: IssueKeyDto, exchange: Exchange): Promise<IssuedKey> {
    const asked = {
      actor: { id: actor, kind },
      roles: roles.map(roleOf),
      ...(expires != null && { expires: new Date(expires).toISOString() }),
    };
    const { tenant } = exchange.caller;
    const { id, key, hash } = mintApiKey(tenant);
    const command = { verb: 'issueKey', data: { key: id, ...asked, hash } } as const;
    return this.run(tenant, command, asked, exchange, (done) => ({
      ...keyMade(done),
      key: done.replayed ? null : key,
    }));
  }

  async revoke(id: string, exchange: Exchange): Promise<Written & KeyResource> {
    const data = { key: id };
    return this.run(exchange.caller.tenant, { verb: 'revokeKey', data }, data, exchange, ({ state }) =>
      keyResource(state.keys.get(id)!),
    );
  }

  async grant(body: GrantDto, exchange: Exchange): Promise<Written & GrantResource> {
    const asked = { ...roleOf(body), to: granteeOf(body.to) };
    const data = { grant: uuidv7(), ...asked };
    return this.run(exchange.caller.tenant, { verb: 'grant', data }, asked, exchange, (done) =>
      grantResource(grantMade(done, asked)),
    );
  }

  async withdraw(id: string, exchange: Exchange): Promise<Written & { readonly id: string }> {
    const data = { grant: id };
    return this.run(exchange.caller.tenant, { verb: 'withdraw', data }, data, exchange, () => ({ id }));
  }

  /** Opens a tenant, with a key for its first admin, who holds every role. */
  async open(tenant: string, exchange: Exchange): Promise<OpenedTenant> {
    const { id, key, hash } = mintApiKey(tenant);
    const data = { key: id, ...FIRST_ADMIN, hash };
    return this.run(tenant, { verb: 'openTenant', data }, { tenant }, exchange, (done) => ({
      ...tenantResource(tenant, done.state),
      admin: done.event && { ...keyMade(done), key: done.replayed ? null : key },
    }));
  }

  async suspend(
    tenant: string,
    why: { reason?: string },
    exchange: Exchange,
  ): Promise<Written & TenantResource> {
    return this.change(tenant, { verb: 'suspendTenant', data: present(why) }, exchange);
  }

  async resume(
    tenant: string,
    why: { reason?: string },
    exchange: Exchange,
  ): Promise<Written & TenantResource> {
    return this.change(tenant, { verb: 'resumeTenant', data: present(why) }, exchange);
  }

  private change(tenant: string, command: AccessCommand, exchange: Exchange) {
    return this.run(tenant, command, { tenant, ...command.data }, exchange, ({ state }) =>
      tenantResource(tenant, state),
    );
  }

  private async run<T>(
    tenant: string,
    command: AccessCommand,
    asked: object,
    { caller, context, header, set }: Exchange,
    answer: (outcome: AccessOutcome) => T,
  ): Promise<Written & T> {
    refuseExpectedPointer(header);
    const origin = { caller, request: context, idempotencyKey: idempotencyKey(header) };
    const done = await this.commands.execute(new OnAccess(tenant, command, asked, origin, answer));
    set('gatehouse-position', done.position);
    if (done.replayed) set('idempotent-replayed', 'true');
    return { changed: done.event !== null, position: done.position, ...done.answer };
  }
}

/** The key that was made; as it is now, if the request was sent again. */
function keyMade({ event, state }: AccessOutcome): KeyResource {
  if (event?.type !== 'access.KeyIssued' && event?.type !== 'access.TenantOpened')
    throw new Error('no key was made');
  return keyResource(state.keys.get(event.data.key)!);
}

/** The grant that was recorded, or the one that says the same. */
function grantMade({ event, state }: AccessOutcome, asked: GrantOf): Grant {
  if (event?.type !== 'access.Granted') return standingGrant(asked, state)!;
  return { ...event.data, grantedBy: event.meta.actor, grantedAt: event.meta.time };
}

function roleOf({ role, models, capacity }: RoleDto): RoleGrant {
  return present({ role, models, capacity });
}
