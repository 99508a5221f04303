import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Accesses } from '@gatehouse/platform';
import { startEsdbServer, type EsdbServer } from '../../../libs/event-store/src/eventstoredb/testing';
import { Documented } from './testing/documented';
import { Edge, type Answer } from './testing/edge';

describe('/readyz while EventStoreDB', () => {
  let server: EsdbServer;
  let edge: Edge;

  beforeAll(async () => {
    server = await startEsdbServer();
    edge = await Edge.open({ eventStore: server.connectionString, eventStoreTimeoutMs: 500 });
    await edge.promoted('sound', 1);
  });
  afterAll(async () => {
    await edge?.close();
    await server?.stop();
  });

  const until = async (wanted: (answer: Answer) => boolean) => {
    const since = performance.now();
    for (;;) {
      const answer = await edge.http('/readyz');
      if (wanted(answer) || performance.now() - since > 25_000) return answer;
      await sleep(200);
    }
  };
  const text = (answer: Answer, member: string) => String(answer.body[member]);

  it('answers has nothing to say', async () => {
    expect(await until(({ status }) => status === 200)).toMatchObject({
      status: 200,
      body: { ready: true, because: [], writable: true, degraded: [] },
    });
  });

  it('is away is degraded at first and says why, not ready after 15 s, and ready again when it is back', async () => {
    await server.stop();
    const since = performance.now();
    const degraded = await until(({ body }) => body['writable'] === false);
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(degraded).toMatchObject({ status: 200, body: { ready: true } });
    expect(text(degraded, 'degraded')).toMatch(/the log takes no writes: EventStoreDB does not answer/);
    const unready = await until(({ status }) => status === 503);
    expect(performance.now() - since).toBeGreaterThan(14_000);
    expect(text(unready, 'because')).toMatch(
      /the log has been silent for 1\d s.*EventStoreDB does not answer/,
    );
    await server.start();
    expect(await until(({ body }) => body['writable'] === true && body['ready'] === true)).toMatchObject({
      status: 200,
    });
  }, 60_000);

  it('gives no access stream, says that nobody knows who may do what, without naming the tenant', async () => {
    server.faults.next('read', 'hang', { times: 1_000, stream: 'gatehouse-access-default' });
    edge.running.app.get(Accesses).now = () => performance.now() + 20_000;
    const refused = await edge.http('/v1/models');
    expect(refused).toMatchObject({ status: 503, body: { type: 'urn:gatehouse:access-stale' } });
    const readyz = await edge.http('/readyz');
    expect(text(readyz, 'degraded')).toMatch(/access-stale: the access of 1 tenant\(s\) cannot be read/);
    expect(readyz.text).not.toMatch(/default/);
    server.faults.clear();
    await until(({ body }) => String(body['degraded']) === '' && body['ready'] === true);
    let again = await edge.http('/v1/models');
    for (let tries = 0; again.status !== 200 && tries < 20; tries++) {
      await sleep(200);
      again = await edge.http('/v1/models');
    }
    expect(await edge.http('/readyz')).toMatchObject({ status: 200, body: { degraded: [] } });
  });
});

describe('the start while EventStoreDB is away', () => {
  it('says at the door of the service that it waits, and for what; then the service is there', async () => {
    const server = await startEsdbServer();
    const port = await freePort();
    await server.stop();
    const opening = Edge.open({
      eventStore: server.connectionString,
      eventStoreTimeoutMs: 300,
      http: { host: '127.0.0.1', port },
    });
    opening.catch(() => undefined);
    const at = async (path: string) => {
      for (let tries = 0; ; tries++) {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
        if (answer) {
          const { status, headers } = answer;
          const text = await answer.text();
          const faults = new Documented().faults('GET', path, { status, headers, text, body: {} });
          expect(faults).toEqual([]);
          return { status, text };
        }
        if (tries > 100) throw new Error('nobody listens');
        await sleep(100);
      }
    };
    try {
      const { status, text } = await at('/readyz');
      expect(status).toBe(503);
      expect(JSON.parse(text)).toMatchObject({ ready: false, writable: false });
      expect(text).toMatch(/the log is not there yet: EventStoreDB does not answer/);
      expect(await at('/healthz')).toMatchObject({ status: 200 });
      expect(await at('/v1/models')).toMatchObject({
        status: 503,
        text: expect.stringContaining('urn:gatehouse:store-unavailable') as string,
      });
    } finally {
      await server.start();
    }
    const edge = await opening;
    try {
      for (let tries = 0; (await edge.http('/readyz')).status !== 200 && tries < 100; tries++)
        await sleep(100);
      expect(await edge.http('/readyz')).toMatchObject({ status: 200 });
      expect(edge.running.http).toBe(`127.0.0.1:${port}`);
    } finally {
      await edge.close();
      await server.stop();
    }
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
