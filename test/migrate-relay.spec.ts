import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventStoreDb, SqliteEventStore } from '@gatehouse/event-store';
import { EsdbProcess } from '../libs/event-store/src/eventstoredb/testing';
import { authorOf } from './kafka/author';
import { reconcile } from './kafka/reconcile';
import { sharedBroker } from './kafka/shared-broker';
import { untilReady } from './support/cluster';
import { type Event, HttpClient, type Live } from './support/http';
import { must, promote, readyVersion } from './support/life';
import { type Service, type Settings, startService, startWorker, type Worker } from './support/service';
import { Watched } from './support/watched';

const ROOT = join(__dirname, '..');
const EVENTS = 5_000;
const MAX_BYTES = 10_000;
/** The shortest record of `lifecycle` is larger. */
const MOST_IN_A_SEND = MAX_BYTES / 500;
const acme = { tenant: 'acme' };

describe('a log that moves to EventStoreDB while its relay is half way', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-move-'));
  const data = join(folder, 'data');
  const prefix = `gh-${randomUUID()}`;
  let kafka: Settings;
  let server: EsdbProcess;
  const running: (Service | Worker)[] = [];
  /** What a client read of the embedded log. */
  let before: Event[];
  let live: Live;
  let worker: Worker;
  let stoppedInMs = 0;
  let moved: HttpClient;

  const start = async (settings: Settings) => {
    // Its keys are the log's: they were made in the folder of the first start.
    const service = await startService(settings, data);
    running.push(service);
    return service;
  };

  beforeAll(async () => {
    const { address } = await sharedBroker();
    kafka = {
      GATEHOUSE_KAFKA: address,
      GATEHOUSE_KAFKA_PREFIX: prefix,
      // Small sends, so that the relay takes some time.
      GATEHOUSE_KAFKA_MAX_BYTES: String(MAX_BYTES),
    };
    server = await EsdbProcess.start();
    await embedded();
    await migrate();
    const shared = {
      GATEHOUSE_EVENT_STORE: server.connectionString,
      GATEHOUSE_CURSOR_SECRET: 'what all of them share',
      ...kafka,
    };
    const api = await start({ ...shared, GATEHOUSE_DATA: join(folder, 'replica') });
    worker = await startWorker({ ...shared, GATEHOUSE_DATA: join(folder, 'worker') });
    running.push(worker);
    await untilReady(api);
    moved = new HttpClient(api.http);
  }, 900_000);
  afterAll(async () => {
    moved?.close();
    await Promise.all(running.map((one) => one.kill()));
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The one process on one machine: it relays, and is stopped in the middle of that. */
  const embedded = async () => {
    const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
    await authorOf(store)(EVENTS);
    await store.close();
    const quiet = await start({ GATEHOUSE_DATA: data });
    const http = new HttpClient(quiet.http);
    before = await http.events('0', acme);
    live = (await http.getCaughtUp<Live>('/v1/models/model-0/live', acme)).body;
    http.close();
    await quiet.stop();

    const service = await start({ GATEHOUSE_DATA: data, ...kafka });
    const watched = new Watched([service]);
    await watched.passed(service, BigInt(EVENTS / 10));
    expect(await watched.position(service)).toBeLessThan(BigInt(before.at(-1)!.position));
    const told = performance.now();
    expect((await service.stop()).code).toBe(0);
    stoppedInMs = performance.now() - told;
  };

  const migrate = async () => {
    const env = {
      PATH: process.env['PATH'],
      GATEHOUSE_DATA: data,
      GATEHOUSE_EVENT_STORE: server.connectionString,
    };
    const child = spawn(process.execPath, [join(ROOT, 'dist/apps/api/src/migrate.js')], { cwd: ROOT, env });
    let output = '';
    for (const from of [child.stdout, child.stderr])
      from.on('data', (text: Buffer) => (output += text.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain('both logs are the same');
  };

  it('goes on being relayed where it was: nothing is missing on any channel, and what was sent is not sent again', async () => {
    // The log goes on meanwhile.
    const version = await readyVersion(moved, 'model-0', 'made after the move', acme);
    await must(promote(moved, 'model-0', version, acme));
    const store = await openEventStoreDb({ connection: server.connectionString });
    try {
      await new Watched([worker]).deliveredTo((await store.log()).head);
      const had = new Map(before.map(({ id, position }) => [id, BigInt(position)]));
      const found = await reconcile(store, kafka.GATEHOUSE_KAFKA!, prefix, had);
      expect(found).toMatchObject({ missing: [], disorder: [] });
      expect(found.events).toBe(before.length + 4);
      // It was told to stop, and finished what it sent: for a broker that takes longer than 2 s to answer it does not wait.
      const most = stoppedInMs < 2_000 ? 0 : MOST_IN_A_SEND;
      for (const count of Object.values(found.duplicates)) expect(count).toBeLessThanOrEqual(most);
    } finally {
      await store.close();
    }
  }, 600_000);

  it('gives who goes on from an old position some events again, and leaves out none', async () => {
    const after = await moved.events('0', acme);
    const withoutPosition = ({ position: _, ...event }: Event) => event;
    expect(after.slice(0, before.length).map(withoutPosition)).toEqual(before.map(withoutPosition));
    for (let at = 0; at < before.length; at += Math.ceil(before.length / 25)) {
      const given = await moved.events(before[at]!.position, acme);
      const due = after.slice(at + 1).map(({ id }) => id);
      // What is due are the last of what is given.
      expect(given.map(({ id }) => id).slice(-due.length)).toEqual(due);
    }
  }, 300_000);

  it('has another identity, and the same pointers', async () => {
    const folded = await moved.events('0', { ...acme });
    const first = folded.filter(({ model, type }) => model === 'model-0' && type === 'model.Promoted');
    const { body } = await moved.getCaughtUp<Live>('/v1/models/model-0/live', acme);
    expect(body.revision).toBe(live.revision + 1);
    expect(body.previous).toEqual(live.current);
    expect(first.length).toBeGreaterThan(0);
  });
});
