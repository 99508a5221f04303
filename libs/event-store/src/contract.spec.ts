import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventStoreContract, MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { EsdbProcess } from './eventstoredb/testing';
import { SqliteEventStore } from './sqlite/sqlite-event-store';
import { esdbContract } from './testing/esdb-contract';

eventStoreContract(
  'MemoryEventStore',
  async () => ({ store: new MemoryEventStore(), close: async () => {} }),
  false,
);

eventStoreContract(
  'a second handle of MemoryEventStore',
  async () => ({ store: new MemoryEventStore({ shared: true }).handle(), close: async () => {} }),
  false,
);

eventStoreContract(
  'SqliteEventStore',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-contract-'));
    const file = join(folder, 'events.db');
    let store = await SqliteEventStore.open({ file });
    return {
      store,
      reopen: async () => {
        await store.close();
        return (store = await SqliteEventStore.open({ file }));
      },
      close: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  true,
);

describe('on the wire', () => {
  let server: EsdbProcess;
  // A process of its own, so that what the server keeps in memory is not counted as what the adapter keeps. The suite
  // appends 4 MiB at once; the service appends one event.
  beforeAll(async () => (server = await EsdbProcess.start({ maxAppendSize: 16 * 1024 * 1024 })));
  afterAll(() => server.stop());

  esdbContract('EventStoreDbEventStore', () => server.connectionString);
});
