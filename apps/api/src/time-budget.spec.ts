import { startEsdbServer, type EsdbServer } from '../../../libs/event-store/src/eventstoredb/testing';
import { Edge } from './testing/edge';

const MODEL = 'gatehouse-model-default.slow';
/** Shorter than the 5 s for which a read is tried again; an answer is due at 95 % of it, which leaves a busy machine some time. */
const REQUEST_MS = 4_000;

describe('a command whose log gives no answer', () => {
  let server: EsdbServer;
  let edge: Edge;

  beforeAll(async () => {
    server = await startEsdbServer();
    edge = await Edge.open({
      eventStore: server.connectionString,
      eventStoreTimeoutMs: 1_000,
      requestTimeoutMs: REQUEST_MS,
    });
    await edge.promoted('slow', 2);
  });
  afterEach(() => server.faults.clear());
  afterAll(async () => {
    await edge?.close();
    await server?.stop();
  });

  const rollback = (key: string, from = 2) =>
    edge.post('/v1/models/slow/rollback', { from, reason: 'latency' }, { 'idempotency-key': key });
  const unknown = { status: 503, body: { type: 'urn:gatehouse:outcome-unknown' } };

  it('after its append is answered outcome-unknown in time, and with the same key later what became of it', async () => {
    server.faults.next('append', 'hang-after-commit', { times: 1, stream: MODEL });
    server.faults.next('read', 'hang', { times: 1_000, stream: MODEL });
    const since = performance.now();
    expect(await rollback('one')).toMatchObject(unknown);
    expect(performance.now() - since).toBeLessThan(REQUEST_MS);
    server.faults.clear();
    let later = await rollback('one');
    for (let tries = 0; later.status !== 200 && tries < 10; tries++) later = await rollback('one');
    expect(later).toMatchObject({ status: 200 });
    const types = server.log.stream(MODEL)!.events.map(({ type }) => type);
    expect(types.filter((type) => type === 'model.RolledBack')).toHaveLength(1);
  });

  it('before its append is told that nothing was recorded, in time, and nothing is', async () => {
    const fresh = 'gatehouse-model-default.fresh';
    server.faults.next('read', 'hang', { times: 1_000, stream: fresh });
    const since = performance.now();
    const answer = await edge.post('/v1/models/fresh/versions', {
      changelog: 'first',
      manifest: { config: { n: 1 } },
    });
    expect(answer).toMatchObject({ status: 408, body: { type: 'urn:gatehouse:timeout' } });
    expect(answer.body['detail']).toMatch(/^Nothing was recorded/);
    expect(performance.now() - since).toBeLessThan(REQUEST_MS);
    server.faults.clear();
    await edge.promoted('other', 1);
    expect(server.log.stream(fresh)).toBeUndefined();
  });

  it('when it is asked who may do what is told that nothing was recorded, in time, and nothing is', async () => {
    const events = () => server.log.stream(MODEL)!.events.length;
    const before = events();
    server.faults.next('read', 'hang', { times: 1_000, stream: 'gatehouse-access-default' });
    const since = performance.now();
    const answer = await rollback('three', 1);
    expect(answer).toMatchObject({ status: 408, body: { type: 'urn:gatehouse:timeout' } });
    expect(answer.body['detail']).toMatch(/^Nothing was recorded/);
    expect(performance.now() - since).toBeLessThan(REQUEST_MS);
    server.faults.clear();
    await edge.promoted('another', 1);
    expect(events()).toBe(before);
  });
});
