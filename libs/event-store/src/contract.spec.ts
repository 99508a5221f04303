import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventStoreContract, MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { SqliteEventStore } from './sqlite/sqlite-event-store';

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
