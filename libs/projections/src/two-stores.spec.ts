import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { migrate, openEventStoreDb, SqliteEventStore } from '@gatehouse/event-store';
import { follow, type EventStore } from '@gatehouse/eventsourcing';
import { toHead } from '@gatehouse/eventsourcing/testing';
import { type EsdbServer, startEsdbServer } from '../../event-store/src/eventstoredb/testing';
import { SparseEventStore } from '../../event-store/src/migration/testing/sparse';
import { rebuild } from './rebuild';
import { dump } from './testing/harness';
import { Lives, randomCommand, randomFrom } from './testing/lives';
import { Views } from './views';

const SEQUENCES = 5;
const PARTS = 3;
const COMMANDS = 60;
const MODELS = [
  ['acme', 'fraud'],
  ['acme', 'fraud.two'],
  ['acme-two', 'fraud'],
] as const;

type Opened = { readonly store: EventStore; close(): Promise<void> };

/** Stores of other kinds than the embedded log, whose positions are not 1, 2, 3. */
const OTHERS: readonly (readonly [string, () => Promise<Opened>])[] = [
  [
    'a store with gaps between its positions',
    async () => ({ store: new SparseEventStore(171n), close: async () => {} }),
  ],
  [
    'EventStoreDB',
    async () => {
      const connection = server.connectionString;
      return openEventStoreDb({ connection, prefix: `t${randomUUID()}-` }).then((store) => ({
        store,
        close: () => store.close(),
      }));
    },
  ],
];

let folder: string;
let server: EsdbServer;
beforeAll(async () => (server = await startEsdbServer()));
afterAll(() => server.stop());
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'gatehouse-two-stores-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Opens views, follows to the end of the log in batches of a size, and closes them: the next part goes on from the file. */
async function catchUp(store: EventStore, file: string, batch: number): Promise<void> {
  const views = Views.open(file);
  const stop = new AbortController();
  let failed: Error | undefined;
  const following = follow(store, views, {
    signal: stop.signal,
    batch,
    onError: (error) => (failed = error),
  });
  const { head } = await store.log();
  await following.reached(head, 20_000);
  stop.abort();
  await following.done;
  await views.close();
  if (failed) throw failed;
}

/** Every row of the views, with the event's turn in the log in place of its position, and one name for either log. */
async function mapped(store: EventStore, file: string): Promise<string> {
  const turns = new Map(
    (await toHead(store)).map(({ position }, turn) => [String(position), `turn ${turn}`]),
  );
  const turnOf = (position: unknown) => {
    const turn = turns.get(String(position));
    if (turn === undefined)
      throw new Error(`the views hold position ${String(position)}, which no event has`);
    return turn;
  };
  const tables = dump(file) as Record<string, Record<string, unknown>[]>;
  const rows = Object.entries(tables).map(([table, all]) => [
    table,
    all.map((row) => ({
      ...row,
      ...('log_id' in row && { log_id: 'the log' }),
      ...('position' in row && { position: turnOf(row['position']) }),
      ...('folded' in row && {
        folded: String(row['folded']).replace(/(?<="position":")\d+(?=")/g, turnOf),
      }),
    })),
  ]);
  return JSON.stringify(rows, null, 1);
}

describe.each(OTHERS)('the same log in a file and in %s', (_, open) => {
  test('gives the same views, kept or rebuilt, byte for byte, when positions are mapped', async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      const next = randomFrom(seed);
      const embedded = await SqliteEventStore.open({ file: join(folder, `${seed}.events.db`) });
      const other = await open();
      const stores = { embedded, other: other.store };
      const file = (name: string) => join(folder, `${seed}.${name}.db`);
      const lives = new Lives(embedded);
      for (let part = 0; part < PARTS; part++) {
        for (let i = 0; i < COMMANDS; i++) {
          const [tenant, model] = MODELS[next(MODELS.length)]!;
          const versions = lives.states.get(`model-${tenant}.${model}`)?.versions.length ?? 0;
          const { command, actor } = randomCommand(next, versions);
          await lives.issue(tenant, model, command, actor);
        }
        // The copy is continued with what is new.
        await migrate(embedded, other.store);
        for (const [name, store] of Object.entries(stores))
          await catchUp(store, file(`${name}-kept`), 1 + next(9));
      }
      for (const [name, store] of Object.entries(stores)) await rebuild(store, file(`${name}-rebuilt`));

      const expected = await mapped(embedded, file('embedded-kept'));
      expect(expected).toMatch(/"position\\?":\s*\\?"turn \d+/);
      expect(await mapped(embedded, file('embedded-rebuilt'))).toBe(expected);
      expect(await mapped(other.store, file('other-kept'))).toBe(expected);
      expect(await mapped(other.store, file('other-rebuilt'))).toBe(expected);
      expect((await toHead(other.store)).at(-1)!.position).not.toBe(
        (await toHead(embedded)).at(-1)!.position,
      );
      await other.close();
      await embedded.close();
    }
  }, 120_000);
});
