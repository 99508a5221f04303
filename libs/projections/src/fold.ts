import {
  liveVersion,
  movePointer,
  rollbackTarget,
  type Actor,
  type Fact,
  type Pointer,
} from '@gatehouse/domain';
import { KEYS_PER_MODEL } from './schema';
import { Generations } from './generations';
import type { Unwritten } from './batch';
import type { MoveEvent } from './resources';
import type { Stored } from './stored';
import { UsageFold } from './usage';
import {
  decided,
  deprecated,
  evaluate,
  left,
  promoted,
  registered,
  reviewed,
  voidStale,
  who,
  type VersionDoc,
} from './version-fold';

/** A move of a pointer. */
export type MoveFold = {
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

/** A model while events are folded into it. */
export type ModelFold = {
  readonly id: number;
  readonly tenant: string;
  readonly name: string;
  readonly created: number;
  readonly pointer: Pointer;
  /** Whether the live version may have been evaluated since it went live: then some decisions on it may be stale. */
  mayBeStale: boolean;
};

/** What is kept of what was written, so that the next event need not read it again: up to twice as much. */
const KEEP = { models: 10_000, moves: 100_000, bytes: 8 * 2 ** 20 };
/** Rows are written when they take about so much memory. */
const MOST_UNWRITTEN_BYTES = 8 * 2 ** 20;

/** Folds events into rows, in memory: a row that many events of a batch touch is written once. */
export class Fold {
  private newModels: ModelFold[] = [];
  private dirty = new Set<VersionDoc>();
  private moves: MoveFold[] = [];
  private readonly usage = new UsageFold();
  private bytes = 0;
  private readonly models = new Generations<string, ModelFold>();
  private readonly versions = new Generations<number, VersionDoc>();
  private movesKept = 0;
  private bytesKept = 0;

  constructor(private readonly stored: Stored) {}

  /** Whether what is folded should be written, lest it take too much memory. */
  get isLarge(): boolean {
    return this.bytes > MOST_UNWRITTEN_BYTES;
  }

  /** Hands over what was folded. What was handed over before must be written by now: it may be read back. */
  take(): Unwritten {
    const { newModels: models, dirty: versions, moves } = this;
    const unwritten = { models, versions, moves, usage: this.usage.take() };
    this.bytesKept += this.bytes;
    this.movesKept += this.moves.length;
    this.newModels = [];
    this.dirty = new Set();
    this.moves = [];
    this.bytes = 0;
    if (this.bytesKept > KEEP.bytes) {
      this.versions.turn();
      this.bytesKept = 0;
    }
    if (this.models.size > KEEP.models || this.movesKept > KEEP.moves) {
      this.models.turn();
      this.movesKept = 0;
    }
    return unwritten;
  }

  /** Whether `apply` has what it needs in memory. */
  knows(stream: string): boolean {
    return this.models.get(stream) !== undefined;
  }

  /** Folds a fact into a model that is known. */
  apply(stream: string, fact: Fact): void {
    const model = this.models.get(stream)!;
    const before = this.bytes;
    this.foldInto(model, fact);
    this.usage.count(model.tenant, fact, this.bytes - before);
  }

  private foldInto(model: ModelFold, fact: Fact): void {
    switch (fact.type) {
      case 'model.Registered': {
        const doc = registered(keyOf(model, fact.data.version), model.id, fact.data, fact);
        this.versions.set(doc.key, doc);
        this.bytes += doc.registration!.manifest.length;
        return this.touch(doc);
      }
      case 'model.Evaluated': {
        const { version, metrics, rules } = fact.data;
        const doc = this.version(model, version);
        const isLive = liveVersion(model.pointer) === version;
        evaluate(doc, fact.data, fact, isLive);
        model.mayBeStale ||= isLive;
        this.bytes += 100 * Object.keys(metrics).length + 200 * rules.length;
        return this.touch(doc);
      }
      case 'model.Approved':
      case 'model.Rejected': {
        const doc = this.version(model, fact.data.version);
        decided(doc, fact.data, fact, fact.type === 'model.Approved' ? 'approve' : 'reject');
        return this.touch(doc);
      }
      case 'model.Promoted':
        return this.promote(model, fact);
      case 'model.RolledBack':
        return this.rollBack(model, fact);
      case 'model.Deprecated': {
        movePointer(model.pointer, fact);
        const doc = this.version(model, fact.data.version);
        deprecated(doc, fact.data, fact);
        return this.touch(doc);
      }
      case 'model.BreakGlassReviewed': {
        const doc = this.version(model, fact.data.version);
        reviewed(doc, fact.data, fact);
        return this.touch(doc);
      }
    }
  }

  private promote(model: ModelFold, fact: Fact & { type: 'model.Promoted' }): void {
    const before = liveVersion(model.pointer);
    movePointer(model.pointer, fact);
    // Most versions leave as they came, and need not be looked at.
    if (model.mayBeStale && before !== null && before !== fact.data.version) {
      const previous = this.version(model, before);
      if (voidStale(previous)) this.touch(previous);
    }
    model.mayBeStale = false;
    const doc = this.version(model, fact.data.version);
    promoted(doc, fact.data, fact);
    this.bytes += doc.evidence!.length;
    this.touch(doc);
    this.moves.push(moveOf(model, fact, before, null, fact.data.note ?? null));
  }

  private rollBack(model: ModelFold, fact: Fact & { type: 'model.RolledBack' }): void {
    const before = liveVersion(model.pointer);
    movePointer(model.pointer, fact);
    model.mayBeStale = false;
    const doc = this.version(model, fact.data.from.version);
    left(doc, fact.data, fact);
    this.touch(doc);
    this.moves.push(moveOf(model, fact, before, fact.data.reason, fact.data.note ?? null));
  }

  private touch(doc: VersionDoc): void {
    this.dirty.add(doc);
    this.bytes += 500;
  }

  /** Reads back the model of a fact, or makes a new one. False when the events before it are not in the log any more. */
  async learn(stream: string, fact: Fact): Promise<boolean> {
    const { tenant, model: name, time } = fact.meta;
    if (name === undefined) throw new Error(`position ${fact.position}: ${fact.type} names no model`);
    let model = await this.stored.model(tenant, name);
    if (!model) {
      if (fact.revision > 0n) return false;
      model = this.stored.newModel(tenant, name, Date.parse(time));
      this.newModels.push(model);
    }
    this.models.set(stream, model);
    this.movesKept += model.pointer.revision;
    return true;
  }

  private version(model: ModelFold, version: number): VersionDoc {
    const key = keyOf(model, version);
    const known = this.versions.get(key);
    if (known) return known;
    const doc = this.stored.version(key);
    if (!doc) throw new Error(`version ${version} of ${model.tenant}/${model.name} was never registered`);
    this.versions.set(key, doc);
    this.bytesKept += 1_000;
    return doc;
  }
}

export function keyOf(model: { readonly id: number }, number: number): number {
  return model.id * KEYS_PER_MODEL + number;
}

function moveOf(
  model: ModelFold,
  fact: Fact & { type: 'model.Promoted' | 'model.RolledBack' },
  before: number | null,
  reason: string | null,
  note: string | null,
): MoveFold {
  return {
    model,
    revision: fact.data.pointer,
    time: Date.parse(fact.meta.time),
    by: who(fact.meta),
    event: fact.type,
    left: before,
    live: liveVersion(model.pointer),
    target: rollbackTarget(model.pointer),
    reason,
    note,
    position: String(fact.position),
  };
}
