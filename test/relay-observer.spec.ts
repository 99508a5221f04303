import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventStoreDb, type OpenStore } from '@gatehouse/event-store';
import { EsdbProcess } from '../libs/event-store/src/eventstoredb/testing';
import { authorOf } from './kafka/author';
import { sharedBroker } from './kafka/shared-broker';
import { untilReady } from './support/cluster';
import { HttpClient } from './support/http';
import { type Service, startService, startWorker, type Worker } from './support/service';
import { Watched } from './support/watched';

const EVENTS = 300;

type Channel = { topic: string; position: string; lag: string; lastDeliveryAt: string; state: string };
type Channels = { relay: { role: string; error?: string }; channels: Channel[] };

describe('an api beside a worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-observer-'));
  let server: EsdbProcess;
  let store: OpenStore;
  let write: ReturnType<typeof authorOf>;
  let api: Service;
  let http: HttpClient;
  let worker: Worker;

  beforeAll(async () => {
    const { address } = await sharedBroker();
    server = await EsdbProcess.start();
    store = await openEventStoreDb({ connection: server.connectionString });
    write = authorOf(store);
    await write(EVENTS);
    const settings = {
      GATEHOUSE_EVENT_STORE: server.connectionString,
      GATEHOUSE_KAFKA: address,
      GATEHOUSE_KAFKA_PREFIX: `gh-${randomUUID()}`,
    };
    api = await startService({ ...settings, GATEHOUSE_DATA: join(folder, 'api') });
    http = new HttpClient(api.http);
    await untilReady(api);
    // Its key is in the log before the log is at rest.
    await http.get('/v1/channels');
    worker = await startWorker({ ...settings, GATEHOUSE_DATA: join(folder, 'worker') });
    await new Watched([worker]).deliveredTo((await store.log()).head);
  }, 600_000);
  afterAll(async () => {
    http?.close();
    await Promise.all([api?.kill(), worker?.kill()]);
    await store?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const channels = async () => (await http.get<Channels>('/v1/channels')).body;
  const until = async (holds: (said: Channels) => boolean, withinMs = 90_000) => {
    for (const end = Date.now() + withinMs; ; await sleep(50)) {
      const said = await channels();
      if (holds(said)) return said;
      if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(said)}`);
    }
  };
  const metrics = async () => (await fetch(`${api.http}/metrics`)).text();

  it('does not relay, and says of every channel what the worker says: from the checkpoint, not from the worker', async () => {
    const said = await until((all) => all.channels.every(({ state }) => state === 'live'));
    expect(said.relay).toEqual({ role: 'observer' });
    const ready = (await (await fetch(`${worker.http}/readyz`)).json()) as { channels: Channel[] };
    expect(said.channels).toEqual(ready.channels);
    const times = said.channels.map(({ lastDeliveryAt }) => Date.parse(lastDeliveryAt));
    expect(times.every((time) => Math.abs(Date.now() - time) < 300_000)).toBe(true);
    expect(await metrics()).toMatch(/^gatehouse_relay_active 0$/m);
  }, 240_000);

  it('says how far behind they are while nobody relays, and when each was delivered to last', async () => {
    const before = await channels();
    await worker.kill();
    await write(200);
    const { head } = await store.log();
    const said = await until(({ channels: [one] }) => BigInt(one!.position) + BigInt(one!.lag) >= head);
    expect(said.relay).toEqual({ role: 'observer' });
    for (const [at, { position, lag, lastDeliveryAt, state }] of said.channels.entries()) {
      expect({ position, lastDeliveryAt, state }).toEqual({
        position: before.channels[at]!.position,
        lastDeliveryAt: before.channels[at]!.lastDeliveryAt,
        state: 'behind',
      });
      expect(BigInt(lag)).toBe(head - BigInt(position));
    }
    await sleep(1_100);
    const seconds = /^gatehouse_channel_behind_seconds\{topic=".*product\.v1"\} (\S+)$/m.exec(
      await metrics(),
    )![1];
    expect(Number(seconds)).toBeGreaterThan(1);
    // Degraded, not dead.
    const readyz = async () => (await fetch(`${api.http}/readyz`)).status;
    for (const end = Date.now() + 30_000; (await readyz()) !== 200 && Date.now() < end;) await sleep(100);
    expect(await readyz()).toBe(200);
  }, 240_000);
});
