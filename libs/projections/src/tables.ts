import type { Database } from 'better-sqlite3';
import type { Checkpoint } from '@gatehouse/eventsourcing';
import {
  movePointer,
  noPointer,
  type Actor,
  type ModelEvent,
  type Pointer,
  type Stage,
} from '@gatehouse/domain';
import type { ModelFold } from './fold';
import type { MoveEvent } from './resources';
import { KEYS_PER_MODEL } from './schema';
import type { Folded, VersionDoc } from './version-fold';

/** A pointer move that is not written yet. */
export type MoveRow = {
  readonly model: ModelFold;
  readonly revision: number;
  readonly time: number;
  readonly by: Actor;
  readonly event: MoveEvent;
  /** What was live before, what is since, and where a rollback would go. */
  readonly left: number | null;
  readonly live: number | null;
  readonly target: number | null;
  readonly reason: string | null;
  readonly note: string | null;
  readonly position: string;
};

/** Reads back from the tables what folding needs of what was written before. */
export class Stored {
  private lastId: number;
  private readonly findModel;
  private readonly findMoves;
  private readonly findDeprecated;
  private readonly findVersion;

  constructor(private readonly db: Database) {
    this.findModel = db.prepare<[string, string], { id: number; created: number }>(
      'SELECT id, created FROM models WHERE tenant = ? AND name = ?',
    );
    this.findMoves = db.prepare<
      [number, number],
      { event: MoveEvent; left: number | null; live: number | null; key: number }
    >(
      'SELECT key, event, left_version AS "left", live_version AS live FROM moves WHERE key BETWEEN ? AND ? ORDER BY key',
    );
    this.findDeprecated = db
      .prepare<[number, number], number>(
        `SELECT key FROM versions WHERE stage = 'DEPRECATED' AND key BETWEEN ? AND ?`,
      )
      .pluck();
    this.findVersion = db.prepare<[number], { stage: Stage; folded: string }>(
      'SELECT stage, folded FROM versions WHERE key = ?',
    );
    this.lastId = this.greatestId();
  }

  /** After the tables were emptied. */
  restart(): void {
    this.lastId = this.greatestId();
  }

  model(tenant: string, name: string): ModelFold | null {
    const row = this.findModel.get(tenant, name);
    return row ? { id: row.id, tenant, name, created: row.created, pointer: this.pointer(row.id) } : null;
  }

  /** Ids go by the order of first events in the log: the same in every rebuild. */
  newModel(tenant: string, name: string, created: number): ModelFold {
    return { id: ++this.lastId, tenant, name, created, pointer: noPointer() };
  }

  version(key: number): VersionDoc | null {
    const row = this.findVersion.get(key);
    if (!row) return null;
    const folded = JSON.parse(row.folded) as Folded;
    return { key, registration: null, stage: row.stage, folded, evidence: null };
  }

  /** Every move is in the table, so the stack is folded from there and needs no table of its own. */
  private pointer(model: number): Pointer {
    const pointer = noPointer();
    const first = model * KEYS_PER_MODEL;
    const last = first + KEYS_PER_MODEL - 1;
    for (const { key, event, left, live } of this.findMoves.all(first, last))
      movePointer(pointer, asEvent(event, key - first, left, live));
    for (const key of this.findDeprecated.all(first, last)) pointer.barred.add(key - first);
    return pointer;
  }

  private greatestId(): number {
    return this.db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM models').pluck().get() ?? 0;
  }
}

/** Only the members that `movePointer` looks at: the rest of these events is not in the table. */
function asEvent(event: MoveEvent, pointer: number, left: number | null, live: number | null): ModelEvent {
  const data =
    event === 'model.Promoted'
      ? { version: live, pointer }
      : { from: { version: left }, ...(live !== null && { to: { version: live } }), pointer };
  return { type: event, data } as ModelEvent;
}

/** Writes rows. The caller holds the transaction. */
export class Rows {
  private readonly insertModel;
  private readonly insertVersion;
  private readonly updateVersion;
  private readonly updateEvidence;
  private readonly insertMove;
  private readonly moveCheckpoint;
  private readonly findCheckpoint;

  constructor(db: Database) {
    this.insertModel = db.prepare('INSERT INTO models (id, tenant, name, created) VALUES (?, ?, ?, ?)');
    this.insertVersion =
      db.prepare(`INSERT INTO versions (key, model, digest, label, stage, changelog, author,
      registered, by_id, by_kind, folded, evidence, manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.updateVersion = db.prepare('UPDATE versions SET stage = ?, folded = ? WHERE key = ?');
    this.updateEvidence = db.prepare('UPDATE versions SET stage = ?, folded = ?, evidence = ? WHERE key = ?');
    this.insertMove = db.prepare(`INSERT INTO moves (key, model, time, by_id, by_kind, event, left_version,
      live_version, target_version, reason, note, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.moveCheckpoint = db.prepare(`INSERT INTO checkpoint (only, log_id, position, stream, revision, id)
      VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT (only) DO UPDATE SET log_id = excluded.log_id,
      position = excluded.position, stream = excluded.stream, revision = excluded.revision, id = excluded.id`);
    this.findCheckpoint = db.prepare<
      [],
      { logId: string; position: string; stream: string; revision: string; id: string }
    >('SELECT log_id AS logId, position, stream, revision, id FROM checkpoint');
  }

  model({ id, tenant, name, created }: ModelFold): void {
    this.insertModel.run(id, tenant, name, created);
  }

  /** Answers about how much memory the row takes. */
  version(doc: VersionDoc): number {
    const { key, stage, registration: r, evidence } = doc;
    const folded = JSON.stringify(doc.folded);
    if (r) {
      const { by } = r;
      this.insertVersion.run(
        key,
        r.model,
        r.digest,
        r.label,
        stage,
        r.changelog,
        r.author,
        r.registered,
        by.id,
        by.kind,
        folded,
        evidence,
        r.manifest,
      );
    } else if (evidence !== null) this.updateEvidence.run(stage, folded, evidence, key);
    else this.updateVersion.run(stage, folded, key);
    doc.registration = doc.evidence = null;
    return folded.length;
  }

  move(row: MoveRow): void {
    const { model, by } = row;
    const key = model.id * KEYS_PER_MODEL + row.revision;
    this.insertMove.run(
      key,
      model.id,
      row.time,
      by.id,
      by.kind,
      row.event,
      row.left,
      row.live,
      row.target,
      row.reason,
      row.note,
      row.position,
    );
  }

  checkpoint({ logId, position, stream, revision, id }: Checkpoint): void {
    this.moveCheckpoint.run(logId, String(position), stream, String(revision), id);
  }

  lastCheckpoint(): Checkpoint | null {
    const row = this.findCheckpoint.get();
    return row ? { ...row, position: BigInt(row.position), revision: BigInt(row.revision) } : null;
  }
}
