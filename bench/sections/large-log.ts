import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HttpClient } from '../../test/support/http';
import { type Service, startService, UNLIMITED } from '../../test/support/service';
import { type Bench, evaluationPlan, livePlan } from '../bench';
import { modelLife, seededModel, seedLog } from '../seed';

const FEW = 100;

/** A log of many models and events: rebuilding the views, starting, and what commands and look-ups cost then. */
export async function largeLog(bench: Bench): Promise<void> {
  const life = await modelLife(bench.newFolder());
  const models = Math.floor(bench.scale.events / life.length);
  const [small, large] = [bench.newFolder(), bench.newFolder()];
  await seedLog(small, life, FEW);
  await seedLog(large, life, models);

  const events = models * life.length;
  const start = await coldStart(bench, 'an empty log', bench.newFolder());
  await rebuildAll(bench, large, events, start);
  await coldStart(bench, `${events.toLocaleString('en')} events`, large);
  await againstFew(bench, small, large, models);
}

/** From the start of the process to the first answer of a look-up that needs the views. */
async function coldStart(bench: Bench, what: string, data: string): Promise<number> {
  const began = performance.now();
  const service = await startService({ GATEHOUSE_DATA: data, ...UNLIMITED });
  const http = new HttpClient(service.http);
  await http.get(`/v1/models/${seededModel(0)}/live`);
  const took = performance.now() - began;
  bench.add({
    section: 'cold start',
    name: `to the first answer, ${what}`,
    unit: 'ms',
    ours: took,
    aim: { atMost: 2_000 },
  });
  http.close();
  await service.stop();
  return took;
}

/** The views are gone: until they show the last event again, less what a start takes anyway. */
async function rebuildAll(bench: Bench, data: string, events: number, start: number): Promise<void> {
  for (const file of readdirSync(data)) if (file.startsWith('views.db')) rmSync(join(data, file));
  const began = performance.now();
  await bench.withService('rebuild', data, async (service) => {
    await caughtUp(service);
    const seconds = (performance.now() - began - start) / 1_000;
    bench.add({
      section: 'rebuild',
      name: `all views, ${events.toLocaleString('en')} events`,
      unit: 'events/s',
      ours: events / seconds,
      aim: { atLeast: 150_000 },
    });
  });
}

async function caughtUp(service: Service): Promise<void> {
  const http = new HttpClient(service.http);
  const { position } = (await http.get<{ position: string }>('/v1/log')).body;
  for (let status = 0; status !== 200;)
    status = (await http.get(`/v1/models/${seededModel(0)}/live`, { atLeast: position })).status;
  http.close();
}

async function againstFew(bench: Bench, small: string, large: string, models: number): Promise<void> {
  await bench.withService('models', small, async (few) =>
    bench.withService('models', large, async (many) => {
      await caughtUp(few);
      const names = (count: number) => Array.from({ length: count }, (_, i) => seededModel(i));
      // A stride through all of them, so that next to none is met twice and each has to be read first.
      const spread = names(models).map((_, i) => seededModel((i * 7_919) % models));
      const versus = async (name: string, plan: typeof livePlan, clients: number) => {
        const plans = [await plan(few.http, names(FEW)), await plan(many.http, spread)];
        const [base, mine] = await bench.compare(plans, clients);
        bench.add({
          section: 'models',
          name: `${name}, ${models.toLocaleString('en')} models against ${FEW}, ${clients} clients`,
          unit: '/s',
          ours: mine!.perSecond,
          baseline: { name: `${FEW} models`, value: base!.perSecond },
        });
      };
      await versus('live look-ups', livePlan, 16);
      await versus('evaluate', evaluationPlan, 1);
      await versus('evaluate', evaluationPlan, 16);
    }),
  );
}
