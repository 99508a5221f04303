import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
});

const ACTOR = { 'gatehouse-actor': 'ci', 'gatehouse-actor-kind': 'service' };
