import { startEsdbServer, type EsdbServer } from '../../../libs/event-store/src/eventstoredb/testing';
import { undisturbed } from '../../../test/support/undisturbed';
import { Edge, type Answer } from './testing/edge';

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
  });
  afterEach(() => server.faults.clear());
  afterAll(async () => {
    await edge?.close();
    await server?.stop();
  });

  const rollback = (model: string, key: string) =>
    edge.post(`/v1/models/${model}/rollback`, { from: 2, reason: 'latency' }, { 'idempotency-key': key });
  /** What is answered while there are faults, and how long it took; then there are none any more. */
  const timed = async (ask: () => Promise<Answer>) => {
    const since = performance.now();
    const answer = await ask();
    const took = performance.now() - since;
    server.faults.clear();
    return { answer, took };
  };
  const events = (stream: string) => server.log.stream(stream)?.events ?? [];
  const unknown = { status: 503, body: { type: 'urn:gatehouse:outcome-unknown' } };
  const nothing = {
    status: 408,
    body: {
      type: 'urn:gatehouse:timeout',
      detail: expect.stringMatching(/^Nothing was recorded/) as string,
    },
  };

  it(
    'after its append is answered outcome-unknown in time, and with the same key later what became of it',
    () =>
      undisturbed(async (attempt) => {
        const model = `slow-${attempt}`;
        const stream = `gatehouse-model-default.${model}`;
        await edge.promoted(model, 2);
        server.faults.next('append', 'hang-after-commit', { times: 1, stream });
        server.faults.next('read', 'hang', { times: 1_000, stream });
        const { answer: first, took } = await timed(() => rollback(model, 'one'));
        let later = await rollback(model, 'one');
        for (let tries = 0; later.status !== 200 && tries < 10; tries++) later = await rollback(model, 'one');
        expect(later).toMatchObject({ status: 200 });
        expect(events(stream).filter(({ type }) => type === 'model.RolledBack')).toHaveLength(1);
        expect(first).toMatchObject(unknown);
        expect(took).toBeLessThan(REQUEST_MS);
      }),
    60_000,
  );

  it(
    'before its append is told that nothing was recorded, in time, and nothing is',
    () =>
      undisturbed(async (attempt) => {
        const model = `fresh-${attempt}`;
        const stream = `gatehouse-model-default.${model}`;
        server.faults.next('read', 'hang', { times: 1_000, stream });
        const body = { changelog: 'first', manifest: { config: { n: 1 } } };
        const { answer, took } = await timed(() => edge.post(`/v1/models/${model}/versions`, body));
        await edge.promoted(`other-${attempt}`, 1);
        expect(events(stream)).toEqual([]);
        expect(answer).toMatchObject(nothing);
        expect(took).toBeLessThan(REQUEST_MS);
      }),
    60_000,
  );

  it(
    'when it is asked who may do what is told that nothing was recorded, in time, and nothing is',
    () =>
      undisturbed(async (attempt) => {
        const model = `sound-${attempt}`;
        const stream = `gatehouse-model-default.${model}`;
        await edge.promoted(model, 2);
        const before = events(stream).length;
        server.faults.next('read', 'hang', { times: 1_000, stream: 'gatehouse-access-default' });
        const { answer, took } = await timed(() => rollback(model, 'three'));
        await edge.promoted(`another-${attempt}`, 1);
        expect(events(stream)).toHaveLength(before);
        expect(answer).toMatchObject(nothing);
        expect(took).toBeLessThan(REQUEST_MS);
      }),
    60_000,
  );
});
