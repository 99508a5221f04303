import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { type Connection, codeOf } from './database';

/** A connection that nobody refers to is closed with the garbage, and its lock let go: until released, these are referred to here. */
const held = new Set<Connection>();

/** A log has one writing process. Node has no flock; SQLite's lock on an empty file of its own dies with the process. */
export class ProcessLock {
  private constructor(private readonly db: Connection) {
    held.add(db);
  }

  /** Takes the log for this process, or throws that somebody else has it. Waits a second for one that is just ending. */
  static take(file: string): ProcessLock {
    const lock = `${realName(file)}.lock`;
    const db = new Database(lock, { timeout: 1_000 });
    try {
      // Nothing is ever written to it, so nothing is to be undone.
      db.pragma('journal_mode = OFF');
      db.pragma('locking_mode = EXCLUSIVE');
      db.exec('BEGIN EXCLUSIVE');
      return new ProcessLock(db);
    } catch (error) {
      db.close();
      if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
      throw new Error(`the log ${file} is in use by another process (it holds ${lock})`, { cause: error });
    }
  }

  release(): void {
    this.db.close();
    held.delete(this.db);
  }
}

/** Two names of one log, through links of files or of folders, are one lock. */
function realName(file: string): string {
  return existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), basename(file));
}
