import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEsdbServer, type EsdbServer } from '../../../libs/event-store/src/eventstoredb/testing';
import { Edge } from './testing/edge';

describe('a model whose stream in EventStoreDB lost its beginning', () => {
  let server: EsdbServer;
  let edge: Edge;

  beforeAll(async () => {
    server = await startEsdbServer();
    edge = await Edge.open({ eventStore: server.connectionString });
    await edge.promoted('damaged', 2);
    await edge.promoted('sound', 2);
  });
  afterAll(async () => {
    await edge?.close();
    await server?.stop();
  });

  const rollback = (at: Edge, model: string) =>
    at.post(`/v1/models/${model}/rollback`, { from: 2, reason: 'latency' });
  const gap = {
    status: 503,
    body: {
      type: 'urn:gatehouse:store-unavailable',
      detail:
        'The log of this model has a gap, so nothing is decided on it. Tell the operators the request id.',
    },
  };

  it('takes no commands any more and says so, on a replica that knows it and on one that does not; others do', async () => {
    const size = () => server.log.stream('gatehouse-model-default.damaged')?.events.length;
    const before = size();
    server.truncate('gatehouse-model-default.damaged', 1);
    // What is written afterwards has been seen: so has the damage.
    await edge.promoted('other', 1);
    const data = mkdtempSync(join(tmpdir(), 'gatehouse-second-'));
    // The log's first key is in the folder of its first start.
    copyFileSync(join(edge.folder, 'admin.key'), join(data, 'admin.key'));
    const second = await Edge.open({ data, eventStore: server.connectionString });
    try {
      for (const replica of [edge, second]) {
        expect(await rollback(replica, 'damaged')).toMatchObject(gap);
        const { code, details } = await replica.rpc(
          'RollBack',
          { model: 'damaged', from: '2', reason: 'latency' },
          ACTOR,
        );
        expect({ code, details }).toMatchObject({ code: 14 });
      }
      expect(size()).toBe(before);
      expect(await rollback(second, 'sound')).toMatchObject({ status: 200 });
      // What is read is what the views have.
      expect(await edge.http('/v1/models/damaged/live')).toMatchObject({
        status: 200,
        body: { current: { version: 2 } },
      });
    } finally {
      await second.close();
      rmSync(data, { recursive: true, force: true });
    }
  });

  const openAt = async (data: string) => {
    copyFileSync(join(edge.folder, 'admin.key'), join(data, 'admin.key'));
    return Edge.open({ data, eventStore: server.connectionString });
  };
  const readyz = async (at: Edge) => {
    const since = performance.now();
    for (;;) {
      const { status, body } = await at.http('/readyz');
      if (status === 200 || performance.now() - since > 25_000) return { status, body };
      await sleep(50);
    }
  };

  it.each(['hidden', 'scavenged'])(
    'does not stop or rebuild the views of a replica whose last event was in it: %s',
    async (how) => {
      const model = `last-${how}`;
      const data = mkdtempSync(join(tmpdir(), 'gatehouse-last-'));
      let again: Edge | undefined;
      try {
        const replica = await openAt(data);
        await replica.promoted(model, 1);
        // Keys were made meanwhile; the last event is to be one of the model.
        const run = {
          suite: 's',
          dataset: { name: 'd' },
          metrics: { f1: 0.95 },
          thresholds: { f1: { min: 0.8 } },
        };
        const evaluated = await replica.post(`/v1/models/${model}/versions/1/evaluations`, run, {
          'gatehouse-actor': 'ci',
          'gatehouse-actor-kind': 'user',
        });
        const atLeast = evaluated.headers.get('gatehouse-position') ?? '';
        await replica.http(`/v1/models/${model}/live`, { headers: { 'gatehouse-at-least': atLeast } });
        await replica.close();
        const stream = `gatehouse-model-default.${model}`;
        server.truncate(stream, server.log.stream(stream)!.events.length);
        if (how === 'scavenged') server.log.scavenge();
        await edge.promoted(`after-${how}`, 1);
        again = await openAt(data);
        expect(await readyz(again)).toMatchObject({ status: 200, body: { degraded: [] } });
        // Made anew, the views would not have it.
        for (const name of [model, `after-${how}`, 'sound'])
          expect(await again.http(`/v1/models/${name}/live`)).toMatchObject({ status: 200 });
        expect(
          await again.post(`/v1/models/${model}/rollback`, { from: 1, to: 0, reason: 'latency' }),
        ).toMatchObject(gap);
      } finally {
        await again?.close();
        rmSync(data, { recursive: true, force: true });
      }
    },
  );

  it('is left out by views that are made anew when a scavenge has taken it, and they say so; the others go on', async () => {
    server.truncate('gatehouse-model-default.damaged', 3);
    server.log.scavenge();
    const data = mkdtempSync(join(tmpdir(), 'gatehouse-fresh-'));
    const fresh = await openAt(data);
    try {
      const { status, body } = await readyz(fresh);
      expect(status).toBe(200);
      expect(String(body['degraded'])).toMatch(/the log has lost the beginning of [1-9] model\(s\)/);
      expect(await fresh.http('/v1/models/sound/live')).toMatchObject({ status: 200 });
      await fresh.promoted('sound-too', 1);
      expect(await fresh.http('/v1/models/sound-too/live')).toMatchObject({ status: 200 });
      expect(await rollback(fresh, 'damaged')).toMatchObject(gap);
    } finally {
      await fresh.close();
      rmSync(data, { recursive: true, force: true });
    }
  });
});

const ACTOR = { 'gatehouse-actor': 'ci', 'gatehouse-actor-kind': 'service' };
