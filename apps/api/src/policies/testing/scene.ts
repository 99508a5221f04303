import type { RoleGrant } from '@gatehouse/domain';
import { grpcDoor, httpDoor, type Ask, type Door, type Told } from '../../models/testing/doors';
import { APPROVE, release, run } from '../../models/testing/lives';
import type { Edge } from '../../testing/edge';
import { overGrpc, overHttp, type Caller } from './calls';
import { Reviewers, type House } from './reviewers';

/** How one asks over a door: about a version, and about anything else. */
export type OverDoor = { readonly doorOf: (edge: Edge) => Door; readonly calling: (edge: Edge) => Caller };

/** Both doors, by name. */
export const DOORS: readonly (readonly [string, OverDoor])[] = [
  ['HTTP', { doorOf: httpDoor, calling: overHttp }],
  ['gRPC', { doorOf: grpcDoor, calling: overGrpc }],
];

export const AUTHOR: RoleGrant = { role: 'policy-author' };
/** Of a production: any one approval will do. */
export const LESS = 'approvals: [{count: 1}]';

/** A model whose version 1 is in STAGING, and the people around it. */
export class Scene {
  readonly people: Reviewers;
  /** The policy in force, and its version. */
  policy = { name: 'usual', version: 1 };
  /** The version that this is about. */
  version = 1;

  private constructor(
    private readonly house: House,
    private readonly door: Door,
    readonly call: Caller,
    readonly model: string,
  ) {
    this.people = new Reviewers(house, model);
  }

  /** In a house, over one of its doors. */
  static async open(house: House, { doorOf, calling }: OverDoor, model: string): Promise<Scene> {
    const scene = new Scene(house, doorOf(house.edge), calling(house.edge), model);
    await scene.hire();
    await scene.must({ verb: 'register', body: release(1, { author: 'dana' }) });
    await scene.evaluate(0.9);
    return scene;
  }

  /** Puts another policy in force, for this model alone. */
  async govern(production: string, more = ''): Promise<void> {
    const { model, policy } = this;
    const next = { name: model, version: policy.name === model ? policy.version + 1 : 1 };
    await publish(this.house.edge, model, model, production, next.version, more);
    this.policy = next;
  }

  /** Everybody's own key; `ann`, `zoe`, `ci` and `dana` review in the capacity `risk`, `max` in none. */
  private async hire(): Promise<void> {
    const { people } = this;
    const roles = [people.role('registrar'), people.role('evaluator'), { role: 'admin' as const }];
    await people.key('registrar', { actor: 'ci', kind: 'service', roles });
    for (const name of ['ann', 'zoe', 'max', 'ci', 'dana']) await people.key(name);
    for (const name of ['ann', 'zoe', 'ci', 'dana']) await this.give(name);
  }

  /** Another version, registered with the key that is known by this name; it is about that one from now on. */
  async again(name: string): Promise<void> {
    this.version = 2;
    const authorization = this.people.as(name);
    expect((await this.ask({ verb: 'register', body: release(2), authorization })).code).toBe('ok');
    await this.evaluate(0.9);
  }

  give(name: string): Promise<void> {
    return this.people.grant(this.people.holder(name), 'risk');
  }

  take(name: string): Promise<void> {
    return this.people.withdraw(this.people.holder(name));
  }

  /** Decides with a key that is known by this name, or with whatever credential is given; answers `ok` or the code. */
  async decide(by: string, body: object = APPROVE): Promise<string> {
    const authorization = by.startsWith('Bearer ') ? by : this.people.as(by);
    return (await this.ask({ verb: 'approve', version: this.version, body: { ...body }, authorization }))
      .code;
  }

  /** All of these approve, and may. */
  async approve(...names: string[]): Promise<void> {
    for (const name of names) expect(await this.decide(name)).toBe('ok');
  }

  evaluate(f1: number): Promise<void> {
    return this.must({ verb: 'evaluate', version: this.version, body: run(f1) });
  }

  promote(): Promise<Told> {
    return this.ask({ verb: 'promote', version: this.version, body: {}, actor: 'bob' });
  }

  ask(question: Omit<Ask, 'model'>): Promise<Told> {
    return this.door.ask({ ...question, model: this.model });
  }

  private async must(question: Omit<Ask, 'model'>): Promise<void> {
    const { code, detail } = await this.ask({ ...question, authorization: this.people.as('registrar') });
    if (code !== 'ok') throw new Error(`${question.verb}: ${code} ${detail}`);
  }
}

/** Publishes a version of a policy and puts it in force. */
export async function publish(
  edge: Edge,
  policy: string,
  models: string,
  production: string,
  version: number,
  more = '',
): Promise<void> {
  const document = `policy: ${policy}\nmodels: [${models}]\nproduction: {${production}}\n${more}`;
  const as = (actor: string) => ({ 'gatehouse-actor': actor });
  const published = await edge.rpc('PublishPolicy', { document }, as('pat'));
  expect(published.message).toMatchObject({ changed: true, policy: { version } });
  expect((await edge.rpc('ActivatePolicy', { policy, version }, as('pia'))).code).toBe(0);
}
