import type { Database } from 'better-sqlite3';
import type { ActorKind, ReasonCode } from '@gatehouse/domain';
import type { MoveEvent } from './resources';
import { KEYS_PER_MODEL } from './schema';

/** A pointer move with the names of the versions in it. */
export type LiveRow = {
  revision: number;
  time: number;
  byId: string;
  byKind: ActorKind;
  event: MoveEvent;
  left: number | null;
  leftDigest: string | null;
  leftLabel: string | null;
  live: number | null;
  liveDigest: string | null;
  liveLabel: string | null;
  target: number | null;
  targetDigest: string | null;
  targetLabel: string | null;
  reason: ReasonCode | null;
  note: string | null;
  position: string;
};

const MOVES = `
SELECT m.key % ${KEYS_PER_MODEL} AS revision, m.time, m.by_id AS byId, m.by_kind AS byKind, m.event, m.reason, m.note, m.position,
  m.left_version AS "left", l.digest AS leftDigest, l.label AS leftLabel,
  m.live_version AS live, c.digest AS liveDigest, c.label AS liveLabel,
  m.target_version AS target, t.digest AS targetDigest, t.label AS targetLabel
FROM moves m
LEFT JOIN versions l ON l.key = m.model * ${KEYS_PER_MODEL} + m.left_version
LEFT JOIN versions c ON c.key = m.model * ${KEYS_PER_MODEL} + m.live_version
LEFT JOIN versions t ON t.key = m.model * ${KEYS_PER_MODEL} + m.target_version`;

/** The queries behind the live projection: each is one look-up in an index. */
export class LiveRows {
  private readonly findModel;
  private readonly findAt;
  private readonly findBefore;

  constructor(db: Database) {
    this.findModel = db.prepare<[string, string], { id: number; created: number }>(
      'SELECT id, created FROM models WHERE tenant = ? AND name = ?',
    );
    this.findAt = db.prepare<[number, number], LiveRow>(
      `${MOVES} WHERE m.model = ? AND m.time <= ? ORDER BY m.time DESC, m.key DESC LIMIT 1`,
    );
    this.findBefore = db.prepare<[number, number, number], LiveRow>(
      `${MOVES} WHERE m.key > ? AND m.key < ? ORDER BY m.key DESC LIMIT ?`,
    );
  }

  model(tenant: string, name: string): { id: number; created: number } | undefined {
    return this.findModel.get(tenant, name);
  }

  newest(model: number): LiveRow | undefined {
    return this.before(model, undefined, 1)[0];
  }

  /** Times never go back within a model, so the last by time is the last by revision. */
  at(model: number, time: number): LiveRow | undefined {
    return this.findAt.get(model, time);
  }

  /** Newest first, before a revision. */
  before(model: number, revision: number | undefined, limit: number): LiveRow[] {
    const first = model * KEYS_PER_MODEL;
    return this.findBefore.all(first, first + (revision ?? KEYS_PER_MODEL), limit);
  }
}
