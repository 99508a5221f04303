import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { SCHEMA, SCHEMA_VERSION } from './schema';

/** Makes sure that the file is there with our tables in it; one of another schema version is deleted before. */
export function prepareDatabase(file: string): void {
  let db = openWriter(file);
  const version = db.pragma('user_version', { simple: true });
  if (version !== 0 && version !== SCHEMA_VERSION) {
    db.close();
    deleteDatabase(file);
    db = openWriter(file);
  }
  if (db.pragma('user_version', { simple: true }) === 0)
    db.transaction(() => {
      db.exec(SCHEMA);
      db.pragma(`user_version = ${SCHEMA_VERSION}`);
    })();
  db.close();
}

/** NORMAL: a power cut may lose the last commits, rows and checkpoint together; the log has them still. */
export function openWriter(file: string): Database.Database {
  const db = new Database(file);
  db.pragma('page_size = 8192');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma('wal_autocheckpoint = 2000');
  db.pragma('cache_size = -65536');
  return db;
}

/** Sees only what was committed. */
export function openReader(file: string): Database.Database {
  return new Database(file, { readonly: true });
}

/** Nobody may have it open. */
export function deleteDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}
