import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { ROLES } from '@gatehouse/domain';
import { mintPlatformKey } from '@gatehouse/identity';

/** Who wants to call. */
export type Who = { readonly actor?: string; readonly kind?: string; readonly tenant?: string };
export type Headers = { [name: string]: string };

/** The platform key of every service that the tests of one process start. */
export const PLATFORM = mintPlatformKey();

/** Whoever tests needs to do everything but this. */
const EVERYTHING = ROLES.filter((role) => role !== 'admin').map((role) => ({ role }));

/** Keys for whoever a test wants to be, in whichever tenant: made when they are first asked for, by the admin, over the API. */
export class KeyRing {
  private constructor(
    private readonly address: string,
    private readonly admins: Map<string, Promise<string>>,
    private readonly keys = new Map<string, Promise<string>>(),
  ) {}

  /** With the key that a service made at its first start in this folder; `address`: where its HTTP listens. */
  static of(address: string, data: string): KeyRing {
    const adminKey = readFileSync(join(data, 'admin.key'), 'utf8').trim();
    return new KeyRing(address, new Map([['default', Promise.resolve(adminKey)]]));
  }

  /** The same keys, for a service on the same log that listens elsewhere. */
  at(address: string): KeyRing {
    return new KeyRing(address, this.admins, this.keys);
  }

  /** The key of somebody who may do everything but grant. */
  async key({ actor = 'somebody', kind = 'user', tenant = 'default' }: Who): Promise<string> {
    return this.once(this.keys, JSON.stringify([tenant, actor, kind]), async () => {
      const body = { actor, kind, roles: EVERYTHING };
      const { key } = await this.post('/v1/access/keys', await this.admin(tenant), body);
      return key as string;
    });
  }

  /** The key of the admin of a tenant, which is opened if it is not there yet. */
  async admin(tenant = 'default'): Promise<string> {
    return this.once(this.admins, tenant, async () => {
      const { admin } = await this.post('/v1/tenants', PLATFORM.key, { tenant });
      return (admin as { key: string }).key;
    });
  }

  /** Headers in which `gatehouse-actor`, `-actor-kind` and `-tenant` say who calls, with a credential in their place. */
  async translated(headers: Headers, anonymously: boolean): Promise<Headers> {
    const {
      'gatehouse-actor': actor,
      'gatehouse-actor-kind': kind,
      'gatehouse-tenant': tenant,
      ...others
    } = headers;
    if (others['authorization'] !== undefined || (anonymously && actor === undefined)) return others;
    return { ...others, authorization: `Bearer ${await this.key({ actor, kind, tenant })}` };
  }

  private once(
    made: Map<string, Promise<string>>,
    name: string,
    make: () => Promise<string>,
  ): Promise<string> {
    const known = made.get(name);
    if (known) return known;
    const making = make();
    made.set(name, making);
    // The service may have been killed meanwhile: next time it is asked again.
    making.catch(() => made.delete(name));
    return making;
  }

  private async post(path: string, key: string, body: object): Promise<Record<string, unknown>> {
    const { status, text } = await send(`${this.address}${path}`, key, JSON.stringify(body));
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }
}

/** Whatever certificate the service has: it is one of a test, on this machine. */
function send(url: string, key: string, body: string): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const { request } = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST', headers, rejectUnauthorized: false, agent: false }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => (text += chunk.toString()));
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode!, text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

const rings = new Map<string, KeyRing>();

/** The keys of the service that listens here. */
export function ringOf(address: string): KeyRing {
  const ring = rings.get(address.replace(/^http:\/\//, ''));
  if (!ring) throw new Error(`no service was started at ${address}`);
  return ring;
}

/**
 * Says that a service on this folder listens at these addresses. Keys are of the log, so replicas have those of the
 * folder (`keysOf`) in which the first start on that log left the admin's.
 */
export function listensAt(data: string, http: string, grpc: string, keysOf: string = data): void {
  const bare = http.replace(/^http:\/\//, '');
  const address = `http://${bare}`;
  const ring = rings.get(keysOf)?.at(address) ?? KeyRing.of(address, keysOf);
  for (const name of [data, bare, grpc]) rings.set(name, ring);
}
