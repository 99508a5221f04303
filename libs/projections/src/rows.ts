import type { Database } from 'better-sqlite3';

export type Value = string | number | null;

/** Rows to be written at once, flat: what follows what is said by the statements below. */
export interface Batch {
  readonly models: Value[];
  readonly newVersions: Value[];
  readonly versions: Value[];
  readonly moves: Value[];
  readonly checkpoint: readonly [
    logId: string,
    position: string,
    stream: string,
    revision: string,
    id: string,
  ];
}

const INSERT_MODEL = 'INSERT INTO models (id, tenant, name, created) VALUES (?, ?, ?, ?)';
const INSERT_VERSION = `INSERT INTO versions (key, model, digest, digest_start, label, stage, changelog, author,
  registered, by_id, by_kind, folded, evidence, unreviewed, manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const UPDATE_VERSION =
  'UPDATE versions SET stage = ?, folded = ?, evidence = coalesce(?, evidence), unreviewed = ? WHERE key = ?';
const INSERT_MOVE = `INSERT INTO moves (key, model, time, by_id, by_kind, event, left_version, live_version,
  target_version, reason, note, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const MOVE_CHECKPOINT = `INSERT INTO checkpoint (only, log_id, position, stream, revision, id) VALUES (1, ?, ?, ?, ?, ?)
  ON CONFLICT (only) DO UPDATE SET log_id = excluded.log_id, position = excluded.position, stream = excluded.stream,
  revision = excluded.revision, id = excluded.id`;

/** The writing end of the tables: whole batches, rows and checkpoint in one transaction. */
export class Rows {
  private readonly write_: (batch: Batch) => void;

  constructor(private readonly db: Database) {
    const insertModels = each(db, INSERT_MODEL, 4);
    const insertVersions = each(db, INSERT_VERSION, 15);
    const updateVersions = each(db, UPDATE_VERSION, 5);
    const insertMoves = each(db, INSERT_MOVE, 12);
    const moveCheckpoint = db.prepare(MOVE_CHECKPOINT);
    const transaction = db.transaction(({ models, newVersions, versions, moves, checkpoint }: Batch) => {
      insertModels(models);
      insertVersions(newVersions);
      updateVersions(versions);
      insertMoves(moves);
      moveCheckpoint.run(checkpoint);
    });
    this.write_ = (batch) => transaction.immediate(batch);
  }

  write(batch: Batch): void {
    this.write_(batch);
  }

  /** Forgets everything. */
  clear(): void {
    this.db
      .transaction(() => {
        for (const table of ['checkpoint', 'models', 'versions', 'moves'])
          this.db.exec(`DELETE FROM ${table}`);
      })
      .immediate();
  }
}

/** Runs a statement for every so many values. */
function each(db: Database, sql: string, width: number): (values: Value[]) => void {
  const statement = db.prepare(sql);
  return (values) => {
    for (let at = 0; at < values.length; at += width) statement.run(values.slice(at, at + width));
  };
}
