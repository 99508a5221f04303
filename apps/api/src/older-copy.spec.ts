import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEsdbServer, type EsdbServer } from '../../../libs/event-store/src/eventstoredb/testing';
import { Edge } from './testing/edge';

// A backup of EventStoreDB that is put back has the same identity, and less in it.
describe('an older copy of the log in EventStoreDB', () => {
  let server: EsdbServer;
  let data: string;
  let edge: Edge;
  const open = () => Edge.open({ data, eventStore: server.connectionString, eventStoreTimeoutMs: 500 });

  beforeEach(async () => {
    server = await startEsdbServer();
    data = mkdtempSync(join(tmpdir(), 'gatehouse-older-'));
    edge = await open();
    await edge.promoted('kept', 1);
  });
  afterEach(async () => {
    await edge?.close();
    await server?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  /** Puts back what there was before `lost` went live. */
  const restored = async (meanwhile: () => Promise<void>) => {
    const count = server.events().length;
    await edge.promoted('lost', 3);
    await meanwhile();
    const { port, log } = server;
    await server.stop();
    server = await startEsdbServer({ port, log: log.older(count) });
  };

  const views = async () => {
    // At positions that the views had passed already.
    await edge.promoted('new', 1);
    const until = performance.now() + 10_000;
    for (;;) {
      const statuses: Record<string, number> = {};
      for (const model of ['new', 'kept', 'lost'])
        statuses[model] = (await edge.http(`/v1/models/${model}/live`)).status;
      // What is in the log is never said not to be, however far the views are with it.
      expect(statuses['kept']).not.toBe(404);
      // A process that runs notices by itself when it goes on, and a position of before does not say when that is.
      const isDone = statuses['new'] === 200 && statuses['kept'] === 200;
      if (isDone || performance.now() > until) return statuses;
      await sleep(5);
    }
  };

  it('is noticed at the start: the views are made anew, and nothing is skipped', async () => {
    await restored(() => edge.close());
    edge = await open();
    expect(await views()).toEqual({ kept: 200, lost: 404, new: 200 });
  });

  it('is noticed by a process that runs: the views are made anew, and nothing is skipped', async () => {
    await restored(() => Promise.resolve());
    expect(await views()).toEqual({ kept: 200, lost: 404, new: 200 });
    // Nor is anything decided on what it has in memory of a model that is not in this log.
    const rollback = () => edge.post('/v1/models/lost/rollback', { from: 3, reason: 'latency' });
    let answer = await rollback();
    for (let tries = 0; answer.status === 503 && tries < 20; tries++) answer = await rollback();
    expect(answer).toMatchObject({ status: 404, body: { code: 'model-unknown' } });
  });
});
