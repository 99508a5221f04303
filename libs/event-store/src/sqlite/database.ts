import Database from 'better-sqlite3';

export type Connection = Database.Database;

/** How long a statement waits for somebody else's lock (a backup, a look with the sqlite3 shell), in milliseconds. */
const BUSY_MS = 5_000;

/**
 * Opens the file of the log so that a commit is durable when it returns, and proves it. Integers come as bigint.
 * Throws when SQLite does not do what we asked for: a log that only looks durable is worse than none.
 */
export function openDatabase(file: string, options: { readonly: boolean }): Connection {
  const { readonly } = options;
  const db = new Database(file, { readonly, fileMustExist: readonly, timeout: BUSY_MS });
  try {
    db.defaultSafeIntegers(true);
    if (!readonly) {
      const mode: unknown = db.pragma('journal_mode = WAL', { simple: true });
      if (mode !== 'wal') throw new Error(`${file}: SQLite's journal mode is ${String(mode)}, not wal`);
    }
    db.pragma('synchronous = FULL');
    // Checkpoints are ours to time: after the answers have gone out (see LogWriter).
    db.pragma('wal_autocheckpoint = 0');
    assertDurable(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite falls back to NORMAL, in silence, with the first statement after the WAL pragma: so look after one. */
export function assertDurable(db: Connection): void {
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  const level: unknown = db.pragma('synchronous', { simple: true });
  if (level !== 2n)
    throw new Error(
      `${db.name}: SQLite runs with synchronous=${String(level)}, not 2 (FULL): commits would not be durable`,
    );
}

/** The code of an error (`SQLITE_FULL`, `ENOSPC` …), or ''. Not by class: an error of the add-on is no `Error` of a jest sandbox. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
