import { Edge } from '../testing/edge';
import { grpcDoor, httpDoor, type Ask, type Door, type Told } from './testing/doors';
import { APPROVE, release, run } from './testing/lives';

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
});
afterAll(() => edge.close());

describe.each([
  ['HTTP', httpDoor],
  ['gRPC', grpcDoor],
] as const)('tenants do not meet (%s)', (name, open) => {
  const model = `shared-${name.toLowerCase()}`;
  const of = (door: Door, tenant: string) => (question: Omit<Ask, 'model' | 'tenant'>) =>
    door.ask({ ...question, model, tenant });

  it('the same model name is another model: numbers, labels, digests, pointers and keys are its own', async () => {
    const acme = of(open(edge), 'acme');
    const globex = of(open(edge), 'globex');
    for (const tenant of [acme, globex]) {
      const told = [
        await tenant({ verb: 'register', body: release(1), key: 'k' }),
        await tenant({ verb: 'evaluate', version: 1, body: run(0.9) }),
        await tenant({ verb: 'approve', version: 1, body: APPROVE, actor: 'ann' }),
        await tenant({ verb: 'promote', version: 1, body: {}, ifMatch: '"0"' }),
      ];
      expect(told.map(({ code, changed, headers }) => [code, changed, headers.replayed])).toEqual(
        told.map(() => ['ok', true, undefined]),
      );
      expect(told.at(-1)!.live).toMatchObject({ revision: 1, current: { version: 1, label: '1.0' } });
    }
  });

  it('a version of another tenant is unknown, and no answer tells of it', async () => {
    const secret = {
      changelog: 'hush',
      manifest: { config: 'hush' },
      label: 'hush-1',
      author: 'hush-author',
    };
    const told = await of(open(edge), 'acme')({ verb: 'register', body: secret, actor: 'hush-actor' });
    expect(told).toMatchObject({ code: 'ok', version: { version: 2 } });
    const digest = told.version!['digest'] as string;
    const globex = of(open(edge), 'globex');
    const answers: Told[] = [
      await globex({ verb: 'evaluate', version: 2, body: run(0.9) }),
      await globex({ verb: 'approve', version: 2, body: APPROVE }),
      await globex({ verb: 'promote', version: 2, body: {} }),
      await globex({ verb: 'rollBack', body: { from: digest, reason: 'drift' } }),
      await globex({ verb: 'rollBack', body: { from: 1, to: 2, reason: 'drift' } }),
      await globex({ verb: 'deprecate', version: 2, body: { sunset: '2999-01-01' } }),
    ];
    expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 'version-unknown'));
    // What the client named itself may come back to it; nothing else of the other tenant does.
    expect(JSON.stringify(answers).replaceAll(digest, '')).not.toMatch(/hush|acme/);
    const own = await globex({ verb: 'register', body: secret });
    expect(own).toMatchObject({ code: 'ok', changed: true, version: { version: 2, digest } });
    expect(JSON.stringify(own)).not.toMatch(/acme|hush-actor/);
  });

  it('no tenant is the tenant `default`', async () => {
    const question: Omit<Ask, 'tenant'> = { verb: 'register', model: `${model}-d`, body: release(1) };
    expect(await open(edge).ask(question)).toMatchObject({ changed: true, event: { tenant: 'default' } });
    expect(await open(edge).ask({ ...question, tenant: 'default' })).toMatchObject({ changed: false });
  });

  it('names that run together are still two: there is no tenant a.b with a model c beside tenant a with b.c', async () => {
    await expect(edge.keys.admin('a.b')).rejects.toThrow('/tenant');
  });
});
