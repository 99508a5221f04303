import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { callHeaders, HttpClient } from '../../test/support/http';
import { type Service, type Settings, startService } from '../../test/support/service';
import { type Bench, livePlan, MODELS, withLiveModels } from '../bench';
import type { GrpcPlan, HttpPlan, Job } from '../generator';

const OPEN_SERVICE = join(__dirname, '../open-service.cjs');
/** Requests are counted, as they are by default; only that nobody is turned away. */
const COUNTED: Settings = {
  GATEHOUSE_LIMIT_KEY_RPS: '999999999',
  GATEHOUSE_LIMIT_TENANT_RPS: '999999999',
};

/**
 * How often both are started. What the compiler of V8 makes of the same program differs by a half from one process to the
 * next, which is more than what is looked for: the best of each counts.
 */
const STARTS = 5;
const KINDS = ['open', 'ours'] as const;

type Kind = (typeof KINDS)[number];
type Run = { readonly perSecond: number; readonly micros: number };
type Load = {
  readonly name: string;
  readonly clients: number;
  readonly plan: (of: Service, kind: Kind) => Promise<Job['plan']>;
};

const LOADS: readonly Load[] = [
  ...[1, 64].map((clients) => ({ name: 'live, HTTP', clients, plan: overHttp })),
  { name: 'live, gRPC', clients: 64, plan: overGrpc },
];

/** What credentials cost on the live look-up: the service against itself without a guard, on the same models. */
export async function credentials(bench: Bench): Promise<void> {
  const runs = LOADS.map(() => ({ open: [] as Run[], ours: [] as Run[] }));
  for (let start = 0; start < STARTS; start++)
    for (const kind of KINDS) await measured(bench, kind, (load, run) => runs[load]![kind].push(run));
  for (const [i, { open, ours }] of runs.entries()) tell(bench, LOADS[i]!, open, ours);
}

async function measured(bench: Bench, kind: Kind, take: (load: number, run: Run) => void): Promise<void> {
  const settings = { GATEHOUSE_DATA: bench.newFolder(), ...COUNTED };
  const service = await startService(settings, undefined, kind === 'open' ? OPEN_SERVICE : undefined);
  try {
    await seed(service);
    for (const round of ['warm-up', 'counted'])
      for (const [i, { clients, plan }] of LOADS.entries()) {
        const job = { plan: await plan(service, kind), clients, seconds: bench.scale.seconds };
        const run = await measure(bench, job, service);
        if (round === 'counted') take(i, run);
      }
  } finally {
    await service.stop();
  }
}

async function overHttp({ http }: Service, kind: Kind): Promise<HttpPlan> {
  const plan = await livePlan(http, MODELS);
  return kind === 'open' ? { ...plan, headers: {} } : plan;
}

async function overGrpc({ http, grpc }: Service, kind: Kind): Promise<GrpcPlan> {
  const headers = kind === 'open' ? { authorization: '' } : await callHeaders(http, {});
  const requests = MODELS.map((model) => ({ model }));
  return { kind: 'grpc', address: grpc, method: 'GetLive', requests, call: { headers } };
}

async function seed({ http: address }: Service): Promise<void> {
  const http = new HttpClient(address);
  await withLiveModels(http, MODELS);
  http.close();
}

/** Throughput is told as everywhere; processor time is judged: others on the machine change it less. */
function tell(bench: Bench, { name, clients }: Load, open: readonly Run[], ours: readonly Run[]): void {
  const section = 'credentials';
  const best = (runs: readonly Run[]) => ({
    perSecond: Math.max(...runs.map(({ perSecond }) => perSecond)),
    micros: Math.min(...runs.map(({ micros }) => micros)),
  });
  const [without, having] = [best(open), best(ours)];
  const baseline = (value: number) => ({ name: 'without credentials', value });
  bench.add({
    section,
    name: `${name}, ${clients} clients`,
    unit: '/s',
    ours: having.perSecond,
    baseline: baseline(without.perSecond),
  });
  bench.add({
    section,
    name: '  processor time of the service',
    unit: 'µs each',
    ours: having.micros,
    baseline: baseline(without.micros),
    aim: { atMost: 1.1 },
  });
}

async function measure(bench: Bench, job: Job, { pid }: Service): Promise<Run> {
  const before = processorMs(pid);
  const { perSecond, all } = await bench.generator.run(job);
  return { perSecond, micros: ((processorMs(pid) - before) * 1_000) / all };
}

/** What a process has used of the processor, all threads, in milliseconds. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  // utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
