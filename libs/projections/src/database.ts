import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { SCHEMA, SCHEMA_VERSION } from './schema';

/** The file of the views: one connection writes; another reads, and sees only what was committed. */
export interface ViewsDatabase {
  readonly writer: Database.Database;
  readonly reader: Database.Database;
  close(): void;
}

/** Opens the file, or makes it; one of another schema version is deleted, because views can be built again. */
export function openDatabase(file: string): ViewsDatabase {
  let writer = openWriter(file);
  const version = writer.pragma('user_version', { simple: true });
  if (version !== 0 && version !== SCHEMA_VERSION) {
    writer.close();
    deleteDatabase(file);
    writer = openWriter(file);
  }
  if (writer.pragma('user_version', { simple: true }) === 0) {
    writer.transaction(() => {
      writer.exec(SCHEMA);
      writer.pragma(`user_version = ${SCHEMA_VERSION}`);
    })();
  }
  const reader = new Database(file, { readonly: true });
  return {
    writer,
    reader,
    close: () => {
      reader.close();
      writer.close();
    },
  };
}

export function deleteDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}

/** NORMAL: a power cut may lose the last commits, rows and checkpoint together; the log has them still. */
function openWriter(file: string): Database.Database {
  const writer = new Database(file);
  writer.pragma('journal_mode = WAL');
  writer.pragma('synchronous = NORMAL');
  writer.pragma('wal_autocheckpoint = 4000');
  writer.pragma('cache_size = -65536');
  return writer;
}
