import { HttpClient } from '../../test/support/http';
import { CI, EVALUATION, must, promote, readyVersion, registration } from '../../test/support/life';
import { type Bench } from '../bench';
import { median } from '../figures';

const FEW = 10;
const SAMPLES = 300;
const AT_ONCE = 32;

type Model = {
  readonly name: string;
  readonly pair: readonly number[];
  readonly commands: number[];
  readonly lists: number[];
};

/** What a command costs on a model with many versions, as against one with ten. */
export async function versions(bench: Bench): Promise<void> {
  await bench.withService('versions', bench.newFolder(), async (service) => {
    const http = new HttpClient(service.http);
    const few = await filled(http, 'few', FEW);
    const many = await filled(http, 'many', bench.scale.versions);
    // In turns, so that whatever else the machine does hits both.
    for (let i = 0; i < SAMPLES; i++) for (const model of [few, many]) await sample(http, model, i);
    const compare = (name: string, ours: number[], base: number[], aim?: { atMost: number }) =>
      bench.add({
        section: 'versions',
        name: `${name}, at ${bench.scale.versions} versions against ${FEW}, p50`,
        unit: 'ms',
        ours: median(ours),
        baseline: { name: `${FEW} versions`, value: median(base) },
        aim,
      });
    compare('evaluate, then promote', many.commands, few.commands, { atMost: 1.3 });
    compare('first page of the list', many.lists, few.lists);
    http.close();
  });
}

async function sample(http: HttpClient, { name, pair, commands, lists }: Model, i: number): Promise<void> {
  const began = performance.now();
  await must(http.post(`/v1/models/${name}/versions/1/evaluations`, { ...CI, body: EVALUATION }));
  await must(promote(http, name, pair[i % 2]!));
  const decided = performance.now();
  await http.get(`/v1/models/${name}/versions?limit=50`);
  commands.push(decided - began);
  lists.push(performance.now() - decided);
}

/** Registers and evaluates that many versions; two of them are approved and take turns in going live. */
async function filled(http: HttpClient, name: string, count: number): Promise<Model> {
  for (let done = 0; done < count - 2; done += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - 2 - done) }, (_, i) => evaluated(http, name, done + i)),
    );
  const pair = [await readyVersion(http, name, 'a'), await readyVersion(http, name, 'b')];
  return { name, pair, commands: [], lists: [] };
}

async function evaluated(http: HttpClient, name: string, seed: number): Promise<void> {
  const { version } = await must(
    http.post(`/v1/models/${name}/versions`, { ...CI, body: registration(seed) }),
  );
  await must(
    http.post(`/v1/models/${name}/versions/${version.version}/evaluations`, { ...CI, body: EVALUATION }),
  );
}
