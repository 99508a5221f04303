import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventStoreDb, SqliteEventStore } from '@gatehouse/event-store';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EsdbProcess } from '../libs/event-store/src/eventstoredb/testing';
import { authorOf } from './kafka/author';
import { type Broker, startBroker } from './kafka/broker';
import { reconcile } from './kafka/reconcile';
import { type Settings, startService, startWorker, type Worker } from './support/service';
import { Watched } from './support/watched';

const EVENTS = 4_000;
/** Small sends, so that the log takes some seconds. */
const MAX_BYTES = 10_000;
/** The shortest record of `lifecycle` is larger. */
const MOST_IN_A_SEND = MAX_BYTES / 500;
/** Whoever waited for an answer that had been on its way has it by then. */
const SETTLED_MS = 500;

type Log = EventStore & { close(): Promise<void> };

describe('told to stop while its broker hangs in mid-send and a client in mid-request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-hung-'));
  const data = join(folder, 'api');
  let server: EsdbProcess;
  let broker: Broker;
  let running: Worker | undefined;
  let client: Socket | undefined;

  beforeAll(async () => {
    [server, broker] = await Promise.all([EsdbProcess.start(), startBroker()]);
  }, 300_000);
  afterEach(async () => {
    client?.destroy();
    broker.resume();
    await running?.kill();
  });
  afterAll(async () => {
    await server?.stop();
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const programs: [string, (settings: Settings) => Promise<Worker>, () => Promise<Log>][] = [
    [
      'a worker',
      (settings) => startWorker({ ...settings, GATEHOUSE_EVENT_STORE: server.connectionString }),
      () => openEventStoreDb({ connection: server.connectionString }),
    ],
    [
      'a service with the log in it',
      startService,
      () => SqliteEventStore.open({ file: join(data, 'events.db') }),
    ],
  ];

  it.each(programs)(
    '%s ends with exit code 0, and the next one leaves nothing out',
    async (_, start, open) => {
      const prefix = `gh-${randomUUID()}`;
      const settings: Settings = {
        GATEHOUSE_DATA: data,
        GATEHOUSE_KAFKA: broker.address,
        GATEHOUSE_KAFKA_PREFIX: prefix,
        GATEHOUSE_KAFKA_MAX_BYTES: String(MAX_BYTES),
      };
      const written = await open();
      await authorOf(written)(EVENTS);
      const { head } = await written.log();
      await written.close();

      running = await start(settings);
      await new Watched([running]).passed(running, 1n);
      broker.pause();
      // It never says all of what it wants.
      client = connect(Number(new URL(running.http).port), '127.0.0.1');
      client.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: ');
      await sleep(SETTLED_MS);
      expect(await new Watched([running]).position(running)).toBeLessThan(head);
      // After 9.5 s a process that has not stopped ends itself, with 1.
      const { code, output } = await running.stop();
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).not.toMatch(/unexpected|did not stop/);

      broker.resume();
      running = await start(settings);
      await new Watched([running]).deliveredTo(head);
      await running.stop();
      const log = await open();
      const { missing, disorder, duplicates } = await reconcile(log, broker.address, prefix);
      await log.close();
      expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
      for (const count of Object.values(duplicates)) expect(count).toBeLessThanOrEqual(MOST_IN_A_SEND);
    },
    600_000,
  );
});
