import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EsdbProcess } from '../../libs/event-store/src/eventstoredb/testing';
import { HttpClient } from './http';
import { type Service, type Settings, startService } from './service';

const READY_WITHIN_MS = 120_000;

/** What `/readyz` says. */
export type Ready = {
  ready: boolean;
  because: string[];
  followers: { name: string; state: string; position: string; lag: string }[];
};

/** Several services on one log, each with a data folder of its own. */
export class Cluster {
  readonly replicas: Service[] = [];
  /** The folder of the replica that made the log's first key. */
  keysOf: string | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'gatehouse-cluster-'));

  private constructor(
    readonly store: EsdbProcess,
    private readonly settings: Settings,
  ) {}

  /** Starts the log's server and so many replicas; resolves when all of them are ready. */
  static async start(replicas: number, settings: Settings = {}): Promise<Cluster> {
    const cluster = new Cluster(await EsdbProcess.start(), settings);
    // The first makes the admin's key, and with it the others' keys are made.
    await cluster.add();
    await Promise.all(Array.from({ length: replicas - 1 }, () => cluster.add()));
    await Promise.all(cluster.replicas.map(untilReady));
    return cluster;
  }

  /** One more replica, with nothing in its folder; it listens, and need not be ready. */
  async add(): Promise<Service> {
    const data = mkdtempSync(join(this.folder, 'replica-'));
    this.keysOf ??= data;
    const settings = {
      GATEHOUSE_DATA: data,
      GATEHOUSE_EVENT_STORE: this.store.connectionString,
      GATEHOUSE_CURSOR_SECRET: 'what all replicas of this cluster share',
      ...this.settings,
    };
    const service = await startService(settings, this.keysOf);
    this.replicas.push(service);
    return service;
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((service) => service.kill()));
    await this.store.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when the service says that it is ready; rejects with what it says when that takes too long. */
export async function untilReady(service: Service): Promise<void> {
  const http = new HttpClient(service.http);
  const until = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const { body } = await http.get<Ready>('/readyz');
    if (body.ready) return http.close();
    if (Date.now() > until) throw new Error(`not ready: ${body.because.join('; ')}\n${service.output()}`);
    await sleep(20);
  }
}
