import { HttpClient } from '../../test/support/http';
import { type Bench, CLIENTS, evaluationPlan, MODELS, withLiveModels } from '../bench';
import { startBaseline } from '../processes';

const AIMS: Record<number, { atLeast: number } | undefined> = { 1: { atLeast: 0.6 }, 64: { atLeast: 2 } };

/** Commands spread over 64 models, against a Fastify POST that inserts one row per commit with `synchronous=FULL`. */
export async function commands(bench: Bench): Promise<void> {
  await bench.withService('commands', bench.newFolder(), async (service) => {
    const http = new HttpClient(service.http);
    await withLiveModels(http, MODELS);
    const { body: answer } = await http.get<object>(`/v1/models/${MODELS[0]}/versions/1`);
    http.close();
    const insert = await startBaseline('Fastify POST + SQLite', answer);
    const noop = await startBaseline('Fastify POST', answer);
    const ours = await evaluationPlan(service.http, MODELS);
    for (const clients of CLIENTS) {
      const plans = [{ ...ours, address: insert.address }, { ...ours, address: noop.address }, ours];
      const [base, ceiling, mine] = await bench.compare(plans, clients);
      const figure = (name: string, unit: string, value: number, of: number) =>
        bench.add({
          section: 'commands',
          name,
          unit,
          ours: value,
          baseline: { name: 'Fastify POST + SQLite', value: of },
        });
      bench.add({
        section: 'commands',
        name: `evaluate, 64 models, ${clients} clients`,
        unit: '/s',
        ours: mine!.perSecond,
        baseline: { name: 'Fastify POST + SQLite', value: base!.perSecond },
        aim: AIMS[clients],
      });
      figure('  p50', 'ms', mine!.p50, base!.p50);
      figure('  p99', 'ms', mine!.p99, base!.p99);
      figure('  (a Fastify POST that stores nothing)', '/s', ceiling!.perSecond, base!.perSecond);
    }
    insert.stop();
    noop.stop();
  });
}
