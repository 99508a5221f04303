import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callHeaders, HttpClient } from '../test/support/http';
import { CI, must, promote, readyVersion } from '../test/support/life';
import { type Service, startService, UNLIMITED } from '../test/support/service';
import { type Figure, median } from './figures';
import type { HttpPlan, Job, Measured } from './generator';
import { Generator, peakMemory } from './processes';

export type Scale = {
  /** How long each load lasts. */
  readonly seconds: number;
  /** How often ours and the baseline take turns; the middle result counts. */
  readonly rounds: number;
  readonly events: number;
  readonly versions: number;
};
export const FULL: Scale = { seconds: 3, rounds: 3, events: 1_000_000, versions: 10_000 };
export const QUICK: Scale = { seconds: 1, rounds: 1, events: 100_000, versions: 1_000 };

export const CLIENTS = [1, 16, 64];
export const MODELS = Array.from({ length: 64 }, (_, i) => `model-${i}`);

/** What the sections share: the generator, the folders, and the figures found so far. */
export class Bench {
  readonly figures: Figure[] = [];
  readonly generator = new Generator();
  private readonly folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  private folders = 0;

  constructor(readonly scale: Scale) {}

  add(figure: Figure): void {
    this.figures.push(figure);
  }

  newFolder(): string {
    return join(this.folder, `data-${this.folders++}`);
  }

  /** The service on some data, for as long as the work lasts; its memory is a figure of its own. */
  async withService<T>(section: string, data: string, work: (service: Service) => Promise<T>): Promise<T> {
    const service = await startService({ GATEHOUSE_DATA: data, ...UNLIMITED });
    try {
      const result = await work(service);
      this.add({ section, name: 'peak RSS', unit: 'MiB', ours: peakMemory(service), aim: { atMost: 512 } });
      return result;
    } finally {
      await service.stop();
    }
  }

  /** Ours and others take turns under the same load; of each the middle result by throughput. */
  async compare(plans: readonly Job['plan'][], clients: number): Promise<Measured[]> {
    const runs: Measured[][] = plans.map(() => []);
    for (let round = 0; round < this.scale.rounds; round++)
      for (const [i, plan] of plans.entries())
        runs[i]!.push(await this.generator.run({ plan, clients, seconds: this.scale.seconds }));
    return runs.map((results) => {
      const middle = median(results.map((r) => r.perSecond));
      return results.find((r) => r.perSecond === middle)!;
    });
  }

  close(): void {
    this.generator.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Models with a version that is live and evaluated. */
export async function withLiveModels(http: HttpClient, models: readonly string[]): Promise<void> {
  for (const model of models) await must(promote(http, model, await readyVersion(http, model, model)));
}

/** An evaluation like any other, of the first version of each model in turn: one event a request. */
export async function evaluationPlan(address: string, models: readonly string[]): Promise<HttpPlan> {
  return {
    kind: 'http',
    address,
    method: 'POST',
    paths: models.map((model) => `/v1/models/${model}/versions/1/evaluations`),
    headers: { ...(await callHeaders(address, CI)), 'idempotency-key': 'bench-{n}' },
    body: JSON.stringify({
      suite: 'holdout',
      dataset: { name: 'holdout', size: 12_000 },
      metrics: { f1: 0.912, latency_p95_ms: 41 },
      thresholds: { f1: { min: 0.9, maxRegression: 0.01 }, latency_p95_ms: { max: 50 } },
      report: { uri: 'https://ci.example/runs/{n}' },
    }),
  };
}

/** Whoever asks what is live: by a key, as production does. */
export async function livePlan(address: string, models: readonly string[]): Promise<HttpPlan> {
  const paths = models.map((model) => `/v1/models/${model}/live`);
  return { kind: 'http', address, method: 'GET', paths, headers: await callHeaders(address, {}) };
}
