import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { SCHEMA, SCHEMA_VERSION } from './schema';

/**
 * Makes sure that the file is there with our tables in it; one of another schema version, or one that is damaged, is
 * deleted before: the log has everything still. Answers what was wrong with the damaged one.
 */
export function prepareDatabase(file: string): Error | undefined {
  try {
    prepare(file);
    return undefined;
  } catch (error) {
    if (!isDamaged(error)) throw error;
    deleteDatabase(file);
    prepare(file);
    return error;
  }
}

/** Whether a file holds tables of this release that can be read; nothing is changed. */
export function isCurrent(file: string): boolean {
  let db: Database.Database | undefined;
  try {
    db = openReader(file);
    const current = db.pragma('user_version', { simple: true }) === SCHEMA_VERSION;
    if (current) touch(db);
    return current;
  } catch (error) {
    if (isDamaged(error)) return false;
    throw error;
  } finally {
    db?.close();
  }
}

function isDamaged(error: unknown): error is Error {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^SQLITE_(NOTADB|CORRUPT)/.test(code);
}

function prepare(file: string): void {
  let db = openWriter(file);
  try {
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
    touch(db);
  } finally {
    // Also where it is damaged, and about to be deleted.
    db.close();
  }
}

/** Reads what is read first in any case. To look at every page would take minutes where the views are large. */
function touch(db: Database.Database): void {
  for (const table of ['checkpoint', 'models', 'versions', 'moves'])
    db.prepare(`SELECT * FROM ${table} ORDER BY 1 DESC LIMIT 1`).get();
}

/** NORMAL: a power cut may lose the last commits, rows and checkpoint together; the log has them still. */
export function openWriter(file: string): Database.Database {
  const db = new Database(file);
  try {
    tune(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function tune(db: Database.Database): void {
  db.pragma('page_size = 8192');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma('wal_autocheckpoint = 2000');
  db.pragma('cache_size = -32768');
}

/** Sees only what was committed. */
export function openReader(file: string): Database.Database {
  return new Database(file, { readonly: true });
}

/** Nobody may have it open. */
export function deleteDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}
