import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Connection, openDatabase } from './database';
import { sync } from './folder';
import { ProcessLock } from './process-lock';
import { assertLog, logIdOf, SCHEMA } from './schema';

/** What `verify` found out about a log. */
export interface Verified {
  readonly logId: string;
  readonly head: bigint;
  readonly events: bigint;
  readonly streams: bigint;
  /** One sentence for each thing that is wrong; empty: the log is whole. */
  readonly problems: readonly string[];
}

/** Reads the whole log and says what is wrong with it. May run beside the service; a long log takes a while. */
export function verify(file: string): Verified {
  const db = openDatabase(file, { readonly: true });
  try {
    return examine(db);
  } finally {
    db.close();
  }
}

/** The same, of a log that is open. */
export function examine(db: Connection): Verified {
  assertLog(db);
  const problems = [...damage(db), ...changedSchema(db), ...gaps(db), ...notJson(db)];
  const counts = db
    .prepare<[], Omit<Verified, 'logId' | 'problems'>>(
      'SELECT coalesce(max(position), 0) AS head, count(*) AS events, count(DISTINCT stream) AS streams FROM events',
    )
    .get()!;
  return { logId: logIdOf(db), ...counts, problems };
}

/**
 * Writes a copy of the log as it is at this moment, while the service may go on. The copy is whole and durable when
 * this returns, and not there before. It has the log's own `logId`: see `newLogIdentity`.
 */
export function backup(file: string, to: string): void {
  const target = resolve(to);
  const partial = `${target}.partial`;
  if (existsSync(target)) throw new Error(`${target} exists; a backup overwrites nothing`);
  rmSync(partial, { force: true });
  const db = openDatabase(file, { readonly: true });
  try {
    assertLog(db);
    db.prepare('VACUUM INTO ?').run(partial);
  } finally {
    db.close();
  }
  sync(partial);
  renameSync(partial, target);
  sync(dirname(target));
}

/**
 * Makes a restored copy a log of its own: every checkpoint that was made on the original is then known to be of
 * another log. Returns the new `logId`. Throws when the service runs on this file.
 */
export function newLogIdentity(file: string): string {
  const lock = ProcessLock.take(file);
  try {
    if (!existsSync(file)) throw new Error(`there is no log at ${file}`);
    const db = openDatabase(file, { readonly: false });
    try {
      assertLog(db);
      const logId = randomUUID();
      db.prepare('UPDATE log SET log_id = ?').run(logId);
      return logId;
    } finally {
      db.close();
    }
  } finally {
    lock.release();
  }
}

function damage(db: Connection): string[] {
  const found = db.prepare<[], string>('PRAGMA integrity_check').pluck().all();
  return found.filter((line) => line !== 'ok').map((line) => `SQLite finds the file damaged: ${line}`);
}

function changedSchema(db: Connection): string[] {
  const sqlOf = db.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck();
  return Object.entries(SCHEMA)
    .filter(([name, sql]) => sqlOf.get(name) !== sql)
    .map(([name]) => `${name} is missing, or not as this release made it`);
}

function gaps(db: Connection): string[] {
  const bad = db
    .prepare<[], { stream: string; events: bigint; last: bigint }>(
      `SELECT stream, count(*) AS events, max(revision) AS last FROM events
       GROUP BY stream HAVING last <> events - 1 LIMIT 100`,
    )
    .all();
  return bad.map(
    ({ stream, events, last }) => `stream ${stream} ends at revision ${last} but has ${events} events`,
  );
}

function notJson(db: Connection): string[] {
  const bad = db
    .prepare<[], bigint>(
      'SELECT position FROM events WHERE NOT (json_valid(data) AND json_valid(meta)) LIMIT 100',
    )
    .pluck()
    .all();
  return bad.map((position) => `the event at position ${position} is not JSON`);
}
