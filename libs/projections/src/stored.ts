import type { Database } from 'better-sqlite3';
import { Slices, type Checkpoint } from '@gatehouse/eventsourcing';
import { movePointer, noPointer, type ModelEvent, type Pointer, type Stage } from '@gatehouse/domain';
import type { ModelFold } from './fold';
import type { MoveEvent } from './resources';
import { KEYS_PER_MODEL } from './schema';
import { fromText, type VersionDoc } from './version-fold';

type StoredMove = { key: number; event: MoveEvent; left: number | null; live: number | null };

/** Moves read in one query: some 2 ms. */
const PAGE = 1_000;

/** Reads back from the tables what folding needs of what was written before. */
export class Stored {
  private lastId: number;
  private readonly findModel;
  private readonly findMoves;
  private readonly findDeprecated;
  private readonly findVersion;
  private readonly findCheckpoint;

  constructor(private readonly db: Database) {
    this.findModel = db.prepare<[string, string], { id: number; created: number }>(
      'SELECT id, created FROM models WHERE tenant = ? AND name = ?',
    );
    this.findMoves = db.prepare<[number, number, number], StoredMove>(
      'SELECT key, event, left_version AS "left", live_version AS live FROM moves WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?',
    );
    this.findDeprecated = db
      .prepare<[number, number], number>(
        `SELECT key FROM versions WHERE stage = 'DEPRECATED' AND key BETWEEN ? AND ?`,
      )
      .pluck();
    this.findVersion = db.prepare<[number], { stage: Stage; folded: string }>(
      'SELECT stage, folded FROM versions WHERE key = ?',
    );
    this.findCheckpoint = db.prepare<[], { [member in keyof Checkpoint]: string }>(
      'SELECT log_id AS logId, position, stream, revision, id FROM checkpoint',
    );
    this.lastId = this.greatestId();
  }

  /** The tables are not what was last written: they were emptied, or a batch did not arrive. */
  restart(): void {
    this.lastId = this.greatestId();
  }

  checkpoint(): Checkpoint | null {
    const row = this.findCheckpoint.get();
    return row ? { ...row, position: BigInt(row.position), revision: BigInt(row.revision) } : null;
  }

  /** In slices: the moves of a model may be many. */
  async model(tenant: string, name: string): Promise<ModelFold | null> {
    const row = this.findModel.get(tenant, name);
    if (!row) return null;
    const { id, created } = row;
    return { id, tenant, name, created, pointer: await this.pointer(id), mayBeStale: true };
  }

  /** Ids go by the order of first events in the log: the same in every rebuild. */
  newModel(tenant: string, name: string, created: number): ModelFold {
    return { id: ++this.lastId, tenant, name, created, pointer: noPointer(), mayBeStale: false };
  }

  version(key: number): VersionDoc | null {
    const row = this.findVersion.get(key);
    if (!row) return null;
    return { key, registration: null, stage: row.stage, folded: fromText(row.folded), evidence: null };
  }

  /** Every move is in the table, so the stack is folded from there and needs no table of its own. */
  private async pointer(model: number): Promise<Pointer> {
    const pointer = noPointer();
    const first = model * KEYS_PER_MODEL;
    const last = first + KEYS_PER_MODEL - 1;
    const slices = new Slices();
    for (let from = first; from <= last;) {
      const moves = this.findMoves.all(from, last, PAGE);
      for (const { key, event, left, live } of moves)
        movePointer(pointer, asEvent(event, key - first, left, live));
      from = moves.length < PAGE ? last + 1 : moves.at(-1)!.key + 1;
      if (slices.over()) await slices.next();
    }
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
