import { HttpClient, type Live } from '../../test/support/http';
import { must, promote, readyVersion } from '../../test/support/life';
import { type Bench, evaluationPlan, MODELS, withLiveModels } from '../bench';

const MOVES = 300;

/** From the answer to a promotion to the first look-up that shows it: how far the view is behind the log. */
export async function visible(bench: Bench): Promise<void> {
  await bench.withService('append to view', bench.newFolder(), async (service) => {
    const http = new HttpClient(service.http);
    await withLiveModels(http, MODELS);
    const versions = [await readyVersion(http, 'restless', 'a'), await readyVersion(http, 'restless', 'b')];
    add(bench, 'alone', await delays(http, versions, MOVES));

    const plan = await evaluationPlan(service.http, MODELS);
    const load = bench.generator.run({ plan, clients: 16, seconds: bench.scale.seconds });
    add(bench, 'under 16 writing clients', await delays(http, versions, bench.scale.seconds * 50));
    await load;
    http.close();
  });
}

function add(bench: Bench, how: string, delays: number[]): void {
  delays.sort((a, b) => a - b);
  const at = (share: number) => delays[Math.floor(delays.length * share)]!;
  bench.add({ section: 'append to view', name: `${how}, p50`, unit: 'ms', ours: at(0.5) });
  bench.add({
    section: 'append to view',
    name: `${how}, p99`,
    unit: 'ms',
    ours: at(0.99),
    aim: { atMost: 20 },
  });
}

async function delays(http: HttpClient, versions: readonly number[], moves: number): Promise<number[]> {
  const found: number[] = [];
  for (let move = 0; move < moves; move++) {
    const { live } = await must(promote(http, 'restless', versions[move % 2]!));
    const answered = performance.now();
    for (let shown = -1; shown < live.revision;)
      shown = (await http.get<Live>('/v1/models/restless/live')).body?.revision ?? -1;
    found.push(performance.now() - answered);
  }
  return found;
}
