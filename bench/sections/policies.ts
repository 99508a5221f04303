import { callHeaders, HttpClient } from '../../test/support/http';
import { must, promote, readyVersion, RELEASER } from '../../test/support/life';
import { type Service, startService, UNLIMITED } from '../../test/support/service';
import { type Bench, MODELS } from '../bench';
import type { HttpPlan } from '../generator';
import { modelLife, seedLog } from '../seed';

const RULES = [
  'has(manifest.config)',
  'changelog.size() > 3',
  'deltas.all(d, d.delta > -0.5)',
  'evaluations.exists(e, e.passed)',
  'evaluations.all(e, e.metrics["f1"] > 0.5)',
  'metrics["holdout"]["latency_p95_ms"] < 100.0',
  'approvals.size() >= 1',
  '!approvals.exists(a, a.by == version.registrar)',
  'promoter != version.registrar',
  'now > timestamp("2026-01-01T00:00:00Z")',
];
const TEN_RULES = {
  policy: 'ten-rules',
  models: ['*'],
  production: { rules: RULES.map((expr, i) => ({ name: `rule ${i + 1}`, expr })) },
};
const AUTHOR = { actor: 'pat' };

/** What a policy of ten expressions costs on a promotion, and how long ten thousand past ones take to be judged again. */
export async function policies(bench: Bench): Promise<void> {
  await bench.withService('policies', bench.newFolder(), async (plain) => {
    const ruled = await startService({ GATEHOUSE_DATA: bench.newFolder(), ...UNLIMITED });
    try {
      await inForce(ruled);
      const plans = [await promotions(plain), await promotions(ruled)];
      for (const clients of [1, 16]) {
        const [built, ten] = await bench.compare(plans, clients);
        bench.add({
          section: 'policies',
          name: `promote, ten rules, ${clients} clients`,
          unit: '/s',
          ours: ten!.perSecond,
          baseline: { name: 'the built-in policy', value: built!.perSecond },
          aim: { atLeast: 0.8 },
        });
      }
    } finally {
      await ruled.stop();
    }
  });
  await pastPromotions(bench);
}

async function inForce(service: Service): Promise<void> {
  const http = new HttpClient(service.http);
  await must(http.post('/v1/policies', { ...AUTHOR, body: TEN_RULES }));
  await must(http.post('/v1/policies/ten-rules/versions/1/activation', { ...AUTHOR, body: {} }));
  http.close();
}

/** Two versions of each model, which take turns: every promotion moves a pointer. */
async function promotions(service: Service): Promise<HttpPlan> {
  const http = new HttpClient(service.http);
  for (const model of MODELS) {
    await readyVersion(http, model, 1);
    await must(promote(http, model, await readyVersion(http, model, 2)));
  }
  http.close();
  const paths = [1, 2].flatMap((n) => MODELS.map((model) => `/v1/models/${model}/versions/${n}/promotion`));
  const headers = await callHeaders(service.http, RELEASER);
  return { kind: 'http', address: service.http, method: 'POST', paths, headers, body: '{}' };
}

async function pastPromotions(bench: Bench): Promise<void> {
  const data = bench.newFolder();
  const life = await modelLife(bench.newFolder());
  await seedLog(data, life, 5_000);
  const service = await startService({ GATEHOUSE_DATA: data });
  const http = new HttpClient(service.http);
  await http.getCaughtUp('/v1/models?limit=1');
  http.close();
  const began = performance.now();
  const answer = await fetch(`${service.http}/v1/policies/backtest`, {
    method: 'POST',
    headers: { ...(await callHeaders(service.http, AUTHOR)), 'content-type': 'application/json' },
    body: JSON.stringify(TEN_RULES),
  });
  const last = (await answer.text()).trim().split('\n').at(-1)!;
  const seconds = (performance.now() - began) / 1_000;
  await service.stop();
  const { promotions: judged } = JSON.parse(last) as { promotions: number };
  if (judged !== 10_000) throw new Error(`the backtest ended with ${last}`);
  bench.add({
    section: 'policies',
    name: 'backtest, 10,000 promotions',
    unit: 's',
    ours: seconds,
    aim: { atMost: 10 },
  });
}
