import { randomUUID } from 'node:crypto';
import type { Connection } from './database';

/** "GTHL" and the version of this schema: so that no other file is taken for a log, and no newer log for an old one. */
const APPLICATION_ID = 0x4754484cn;
const FORMAT = 1n;

// NOTE: stored format. `data` and `meta` are RFC 8785 text and the last columns: what skips an event never reads them.
/** Every object of the schema, by name: what `migrate` makes and `verify` compares. */
export const SCHEMA: Readonly<Record<string, string>> = {
  events: `CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  revision INTEGER NOT NULL CHECK (revision >= 0),
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  meta TEXT NOT NULL,
  data TEXT NOT NULL,
  UNIQUE (stream, revision)
) STRICT`,
  log: `CREATE TABLE log (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  log_id TEXT NOT NULL,
  probes INTEGER NOT NULL
) STRICT`,
  events_never_change: `CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'a stored event never changes'); END`,
  events_never_go: `CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'a stored event is never removed'); END`,
};

/** Makes the schema in an empty file; leaves a log as it is; throws on anything else. */
export function migrate(db: Connection): void {
  db.transaction(() => {
    if (!isEmpty(db)) return assertLog(db);
    for (const statement of Object.values(SCHEMA)) db.exec(statement);
    db.prepare('INSERT INTO log VALUES (1, ?, 0)').run(randomUUID());
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${FORMAT}`);
  }).immediate();
}

/** Throws unless this is a log that this release can read. */
export function assertLog(db: Connection): void {
  const id: unknown = db.pragma('application_id', { simple: true });
  const format: unknown = db.pragma('user_version', { simple: true });
  if (id !== APPLICATION_ID) throw new Error(`${db.name} is a database, but not an event log of Gatehouse`);
  if (format !== FORMAT)
    throw new Error(`${db.name} has log format ${String(format)}; this release reads ${FORMAT} only`);
}

/** The name the log got when it was made, or restored. */
export function logIdOf(db: Connection): string {
  return db.prepare<[], string>('SELECT log_id FROM log').pluck().get()!;
}

function isEmpty(db: Connection): boolean {
  return db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0n;
}
