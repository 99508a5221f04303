import vectors from '../../../../libs/canonical/vectors.json';
import { Edge } from '../testing/edge';
import { grpcDoor, httpDoor, type Ask } from './testing/doors';

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
});
afterAll(() => edge.close());

const PARENT = { changelog: 'x', manifest: { config: 'a parent' } };
type Accepted = (typeof vectors.manifests.accepted)[number] & { registrable?: boolean };
const accepted: Accepted[] = vectors.manifests.accepted;

describe.each(['HTTP', 'gRPC'])('libs/canonical/vectors.json over %s', (name) => {
  const door = () => (name === 'HTTP' ? httpDoor(edge) : grpcDoor(edge));
  const named = (n: number) => `m${n}-${name.toLowerCase()}`;

  it.each(accepted.map((vector, n) => [vector.name, n] as const))('%s', async (_what, n) => {
    const { manifest, digest, canonical, registrable = true } = accepted[n]!;
    const { parent = 0 } = manifest as { parent?: number | null };
    for (let version = 1; version <= (parent ?? 0); version++)
      await register(httpDoor(edge), named(n), { ...PARENT.manifest, run: String(version) });
    const told = await register(door(), named(n), manifest);
    if (!registrable) {
      expect(told.code).toBe('invalid');
      return;
    }
    expect(told).toMatchObject({ code: 'ok', changed: true, version: { digest } });
    expect(told.event!['data']).toMatchObject({ digest, manifest: JSON.parse(canonical) as object });
    // The other door finds the same version.
    const other = name === 'HTTP' ? grpcDoor(edge) : httpDoor(edge);
    expect(await register(other, named(n), manifest)).toMatchObject({ changed: false, version: { digest } });
  });

  it.each(
    vectors.manifests.refused
      .filter(({ httpOnly }) => name === 'HTTP' || httpOnly !== true)
      .map(({ name: what, text, pointer }) => [what, pointer, text] as const),
  )('%s is refused', async (_what, pointer, text) => {
    const question: Ask = {
      verb: 'register',
      model: 'refused',
      // Its text, as it is: parsing would lose what some of them are about.
      body:
        name === 'HTTP'
          ? `{"changelog":"x","manifest":${text}}`
          : { changelog: 'x', manifest: JSON.parse(text) as object },
    };
    const told = await door().ask(question);
    expect(told.code).toBe('invalid');
    expect(told.errors!.map((error) => error.pointer)).toContain(`/manifest${pointer}`);
  });

  const register = (through: ReturnType<typeof door>, model: string, manifest: object) =>
    through.ask({ verb: 'register', model, body: { changelog: 'x', manifest } });
});
