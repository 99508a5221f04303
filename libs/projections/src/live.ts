import type { Database } from 'better-sqlite3';
import { HotAnswers, type HotAnswer } from './hot';
import { LiveRows, type LiveRow } from './live-rows';
import type { ActiveVersion, Live, Move, Page, VersionName } from './resources';
import { Watchers } from './watchers';

/** Which version is live, was live, and would be after a rollback. */
export class LiveProjection {
  private readonly rows: LiveRows;
  private readonly hot = new HotAnswers();
  private readonly watchers = new Watchers();

  constructor(reader: Database) {
    this.rows = new LiveRows(reader);
  }

  /** Null: no such model. */
  find(tenant: string, model: string): Live | null {
    return this.answer(tenant, model)?.live ?? null;
  }

  /** The same, ready to be sent; from memory where it was asked for before. Null: no such model. */
  findSerialized(tenant: string, model: string): HotAnswer | null {
    return this.answer(tenant, model);
  }

  /** As it was at that instant, inclusive. Null: the model did not exist then. Throws `RangeError` for no instant. */
  at(tenant: string, model: string, instant: string): Live | null {
    const time = Date.parse(instant);
    if (Number.isNaN(time)) throw new RangeError(`${instant} is not an instant`);
    const known = this.rows.model(tenant, model);
    if (!known || known.created > time) return null;
    return resource(model, this.rows.at(known.id, time));
  }

  /** The moves of the pointer, newest first, before the one with revision `after`. Null: no such model. */
  moves(tenant: string, model: string, page: { after?: number; limit: number }): Page<Move, number> | null {
    const known = this.rows.model(tenant, model);
    if (!known) return null;
    const rows = this.rows.before(known.id, page.after, page.limit + 1);
    const items = rows.slice(0, page.limit).map(asMove);
    return { items, next: rows.length > page.limit ? items.at(-1)!.revision : null };
  }

  /** What `active_version.json` says. Null: no such model. */
  activeVersion(tenant: string, model: string): ActiveVersion | null {
    const live = this.find(tenant, model);
    if (!live) return null;
    const { revision, current, previous, rollbackTarget, since } = live;
    return {
      model,
      current: current?.digest ?? null,
      previous: previous?.digest ?? null,
      rollbackTarget: rollbackTarget?.digest ?? null,
      currentVersion: current?.version ?? null,
      previousVersion: previous?.version ?? null,
      revision,
      since,
    };
  }

  /**
   * The pointer now, unless it is at `afterRevision` or before, and then whenever it moves. Who reads slowly gets
   * the newest only; never one that is older than the last. Nothing is kept for a reader but that it has to look.
   */
  async *watch(
    tenant: string,
    model: string,
    options: { signal: AbortSignal; afterRevision?: number },
  ): AsyncGenerator<Live, void> {
    let last = options.afterRevision ?? -1;
    const watcher = this.watchers.add(keyOf(tenant, model), options.signal);
    try {
      do {
        const live = this.find(tenant, model);
        if (!live || live.revision <= last) continue;
        last = live.revision;
        yield live;
      } while (await watcher.woken());
    } finally {
      watcher.leave();
    }
  }

  /** What is committed about this model is new. */
  changed(tenant: string, model: string): void {
    const key = keyOf(tenant, model);
    this.hot.delete(key);
    this.watchers.wake(key);
  }

  /** Everything was forgotten. */
  forget(): void {
    this.hot.clear();
    this.watchers.wakeAll();
  }

  private answer(tenant: string, model: string): HotAnswer | null {
    const key = keyOf(tenant, model);
    const hot = this.hot.get(key);
    if (hot) return hot;
    const known = this.rows.model(tenant, model);
    return known ? this.hot.put(key, resource(model, this.rows.newest(known.id))) : null;
  }
}

/** No two tenants' models are alike in it: neither name has a slash. */
function keyOf(tenant: string, model: string): string {
  return `${tenant}/${model}`;
}

function resource(model: string, row: LiveRow | undefined): Live {
  if (!row)
    return {
      model,
      revision: 0,
      current: null,
      previous: null,
      rollbackTarget: null,
      since: null,
      by: null,
      why: null,
    };
  const { event, position, reason, note } = row;
  return {
    model,
    revision: row.revision,
    current: name(row.live, row.liveDigest, row.liveLabel),
    previous: name(row.left, row.leftDigest, row.leftLabel),
    rollbackTarget: name(row.target, row.targetDigest, row.targetLabel),
    since: new Date(row.time).toISOString(),
    by: { id: row.byId, kind: row.byKind },
    why: { event, position, reason, note },
  };
}

function asMove(row: LiveRow): Move {
  const { revision, event, reason, note, position } = row;
  return {
    revision,
    at: new Date(row.time).toISOString(),
    by: { id: row.byId, kind: row.byKind },
    event,
    from: name(row.left, row.leftDigest, row.leftLabel),
    to: name(row.live, row.liveDigest, row.liveLabel),
    reason,
    note,
    position,
  };
}

function name(version: number | null, digest: string | null, label: string | null): VersionName | null {
  return version === null || digest === null ? null : { version, digest, label };
}
