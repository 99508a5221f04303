import { callHeaders, HttpClient, type Live } from '../../test/support/http';
import { must, promote, readyVersion } from '../../test/support/life';
import { type Bench, CLIENTS, livePlan, MODELS, withLiveModels } from '../bench';
import { startBaseline } from '../processes';

const MOVES = 200;

/** What is live: over HTTP against bare `node:http`, over gRPC against bare grpc-js, now and at an instant. */
export async function lookups(bench: Bench): Promise<void> {
  await bench.withService('look-ups', bench.newFolder(), async (service) => {
    const http = new HttpClient(service.http);
    await withLiveModels(http, MODELS);
    const { body: answer } = await http.get<Live>(`/v1/models/${MODELS[0]}/live`);
    const bare = await startBaseline('bare node:http', answer);
    const ours = await livePlan(service.http, MODELS);
    for (const clients of CLIENTS) {
      const [base, mine] = await bench.compare([{ ...ours, address: bare.address }, ours], clients);
      bench.add({
        section: 'look-ups',
        name: `live, HTTP, ${clients} clients`,
        unit: '/s',
        ours: mine!.perSecond,
        baseline: { name: 'bare node:http', value: base!.perSecond },
        aim: { atLeast: 0.6 },
      });
      bench.add({
        section: 'look-ups',
        name: `  p99, ${clients} clients`,
        unit: 'ms',
        ours: mine!.p99,
        baseline: { name: 'bare node:http', value: base!.p99 },
      });
    }
    const paths = await instants(http);
    const [base, past] = await bench.compare(
      [
        { ...ours, address: bare.address },
        { ...ours, paths },
      ],
      16,
    );
    bench.add({
      section: 'look-ups',
      name: `live?at=, ${MOVES} moves, 16 clients`,
      unit: '/s',
      ours: past!.perSecond,
      baseline: { name: 'bare node:http', value: base!.perSecond },
    });
    bare.stop();
    http.close();
    await overGrpc(bench, service.grpc, answer, await callHeaders(service.http, {}));
  });
}

/** Look-ups at instants spread over the life of a model whose pointer moved often. */
async function instants(http: HttpClient): Promise<string[]> {
  const model = 'restless';
  const versions = [await readyVersion(http, model, 'a'), await readyVersion(http, model, 'b')];
  const times: string[] = [];
  for (let move = 0; move < MOVES; move++) {
    const { event } = await must(promote(http, model, versions[move % 2]!));
    times.push(event!.time);
  }
  return times.map((at) => `/v1/models/${model}/live?at=${encodeURIComponent(at)}`);
}

async function overGrpc(
  bench: Bench,
  address: string,
  answer: object,
  headers: Record<string, string>,
): Promise<void> {
  const bare = await startBaseline('bare grpc-js', answer);
  const requests = MODELS.map((model) => ({ model }));
  const plan = { kind: 'grpc' as const, method: 'GetLive', requests, call: { headers } };
  for (const clients of [1, 64]) {
    const [base, mine] = await bench.compare(
      [
        { ...plan, address: bare.address },
        { ...plan, address },
      ],
      clients,
    );
    bench.add({
      section: 'look-ups',
      name: `live, gRPC, ${clients} clients`,
      unit: '/s',
      ours: mine!.perSecond,
      baseline: { name: 'bare grpc-js', value: base!.perSecond },
    });
  }
  bare.stop();
}
