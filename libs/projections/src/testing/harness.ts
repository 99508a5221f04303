import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { follow } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { openReader } from '../database';
import { Views } from '../views';
import { Lives } from './lives';

/** A log, what the rules allow to happen in it, and views of it in a folder of their own. */
export class Harness {
  readonly folder = mkdtempSync(join(tmpdir(), 'gatehouse-views-'));
  readonly store = new MemoryEventStore();
  readonly lives = new Lives(this.store);
  readonly file = join(this.folder, 'views.db');
  readonly views = Views.open(this.file);

  /** Lets views follow to the end of the log, and stop there. */
  async catchUp(views: Views = this.views, batch?: number): Promise<void> {
    const stop = new AbortController();
    let failed: Error | undefined;
    const following = follow(this.store, views, {
      signal: stop.signal,
      batch,
      onError: (error) => (failed = error),
    });
    const { head } = await this.store.log();
    await following.reached(head, 20_000);
    stop.abort();
    await following.done;
    if (failed) throw failed;
  }

  async close(): Promise<void> {
    await this.views.close();
    rmSync(this.folder, { recursive: true });
  }
}

/** Every row of every table, in order. */
export function dump(file: string): Record<string, unknown[]> {
  const db = openReader(file);
  const tables = db
    .prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
    .pluck()
    .all();
  const rows = tables.map((table) => [table, db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()] as const);
  db.close();
  return Object.fromEntries(rows);
}
