import type { RoleGrant } from '@gatehouse/domain';
import { TestProvider } from '../../../../../libs/identity/src/testing/provider';
import { Edge } from '../../testing/edge';

const AUDIENCE = 'https://gatehouse.example';

/** A service that knows people by keys and by the tokens of a real provider. */
export class House {
  private constructor(
    readonly edge: Edge,
    readonly provider: TestProvider,
    readonly admin: string,
  ) {}

  static async open(): Promise<House> {
    const provider = await TestProvider.start();
    const claims = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
    const edge = await Edge.open({ oidc: { issuer: provider.issuer, audience: AUDIENCE, claims } });
    return new House(edge, provider, `Bearer ${await edge.keys.admin()}`);
  }

  async close(): Promise<void> {
    await this.edge.close();
    await this.provider.stop();
  }

  /** What somebody comes with who has logged in. */
  async token(sub: string, groups: readonly string[] = []): Promise<string> {
    const claims = { tenant: 'default', groups };
    return `Bearer ${await this.provider.token({ sub, audience: AUDIENCE, claims })}`;
  }
}

type Key = { readonly id: string; readonly authorization: string };
type Holder = { readonly key: string } | { readonly actor: string } | { readonly group: string };
type Made = { readonly id: string; readonly key: string };

/** Who has to do with one model, by keys and grants that say nothing about any other: given and taken back as admins do it. */
export class Reviewers {
  private readonly keys = new Map<string, Key>();
  private readonly grants = new Map<string, string>();

  constructor(
    private readonly house: House,
    private readonly model: string,
  ) {}

  /** What the key that was made under this name is sent as. */
  as(name: string): string {
    return this.keys.get(name)!.authorization;
  }

  /** Makes a key, by which `name` is found here; `by`: with whose key it is made, if not the admin's. */
  async key(
    name: string,
    { actor = name, kind = 'user', roles = [this.role('reviewer')], by = this.house.admin } = {},
  ): Promise<void> {
    const { id, key } = await this.sent('POST', 'keys', { actor, kind, roles }, by);
    this.keys.set(name, { id, authorization: `Bearer ${key}` });
  }

  async revoke(name: string): Promise<void> {
    await this.sent('DELETE', `keys/${this.keys.get(name)!.id}`);
  }

  /** Makes somebody a reviewer, in a capacity if one is named. */
  async grant(to: Holder, capacity?: string, role = this.role('reviewer', capacity)): Promise<void> {
    const { id } = await this.sent('POST', 'grants', { to, ...role });
    this.grants.set(JSON.stringify(to), id);
  }

  /** Takes back what was granted to somebody last. */
  async withdraw(to: Holder): Promise<void> {
    await this.sent('DELETE', `grants/${this.grants.get(JSON.stringify(to))}`);
  }

  /** Who holds a key as the one it was granted to. */
  holder(name: string): Holder {
    return { key: this.keys.get(name)!.id };
  }

  /** The id of the key that was made under this name. */
  id(name: string): string {
    return this.keys.get(name)!.id;
  }

  /** The id of what was granted to somebody last. */
  grantTo(to: Holder): string {
    return this.grants.get(JSON.stringify(to))!;
  }

  /** A role for this model alone. */
  role(role: RoleGrant['role'], capacity?: string): RoleGrant {
    return { role, models: this.model, ...(capacity !== undefined && { capacity }) };
  }

  private async sent(method: string, what: string, body?: object, by = this.house.admin): Promise<Made> {
    const { edge } = this.house;
    const answer = await edge.http(`/v1/access/${what}`, {
      method,
      headers: { authorization: by, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (answer.status >= 300 || answer.body['changed'] !== true) throw new Error(answer.text);
    return answer.body as Made;
  }
}
