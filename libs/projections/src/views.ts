import { decode, type Fact } from '@gatehouse/domain';
import { Slices, type Checkpoint, type Follower, type Recorded } from '@gatehouse/eventsourcing';
import { openDatabase, type ViewsDatabase } from './database';
import { Fold } from './fold';
import { LiveProjection } from './live';
import { ModelsProjection } from './models';
import { Rows, Stored } from './tables';
import { VersionsProjection } from './versions';

/** All views of the log: one follower, one file, one pass. Rows and checkpoint are one transaction. */
export class Views implements Follower {
  readonly name = 'views';
  readonly live: LiveProjection;
  readonly versions: VersionsProjection;
  readonly models: ModelsProjection;
  private readonly rows: Rows;
  private readonly stored: Stored;
  private fold: Fold;
  /** Up to where events are folded; null when all that is folded is written. */
  private pending: Checkpoint | null = null;

  private constructor(private readonly database: ViewsDatabase) {
    this.rows = new Rows(database.writer);
    this.stored = new Stored(database.writer);
    this.fold = new Fold(this.stored);
    this.live = new LiveProjection(database.reader);
    this.versions = new VersionsProjection(database.reader);
    this.models = new ModelsProjection(database.reader);
  }

  /** Opens the views in this file; makes it, or makes it anew, where it is missing or of another release. */
  static open(file: string): Views {
    return new Views(openDatabase(file));
  }

  /** Call it when whoever follows with it has stopped. */
  close(): void {
    this.database.close();
  }

  async checkpoint(): Promise<Checkpoint | null> {
    return this.rows.lastCheckpoint();
  }

  /** Folds events; `settle` makes them visible. One that cannot be decoded throws, and what came before it is kept. */
  async handle(events: readonly Recorded[], checkpoint: Checkpoint): Promise<void> {
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      let fact: Fact;
      try {
        fact = decode(event);
      } catch (error) {
        if (i > 0) this.pending = { ...checkpoint, ...placeOf(events[i - 1]!) };
        await this.settle();
        throw error;
      }
      this.fold.apply(event.stream, fact);
    }
    this.pending = checkpoint;
    if (this.fold.isLarge) await this.settle();
  }

  /** Writes what was folded, and the checkpoint with it; from then on queries see it. */
  async settle(): Promise<void> {
    const { pending, fold } = this;
    if (!pending) return;
    const bytes = await this.inTransaction(() => this.write(pending));
    const changed = new Set([...fold.newModels, ...fold.moves.map(({ model }) => model)]);
    fold.written(bytes);
    this.pending = null;
    for (const { tenant, name } of changed) this.live.changed(tenant, name);
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    const { writer } = this.database;
    await this.inTransaction(async () => {
      for (const table of ['checkpoint', 'models', 'versions', 'moves']) writer.exec(`DELETE FROM ${table}`);
    });
    this.stored.restart();
    this.fold = new Fold(this.stored);
    this.pending = null;
    this.live.forget();
  }

  /** A long transaction lets others have their turn meanwhile: only this follower uses this connection. */
  private async inTransaction<T>(act: () => Promise<T>): Promise<T> {
    const { writer } = this.database;
    writer.exec('BEGIN IMMEDIATE');
    try {
      const result = await act();
      writer.exec('COMMIT');
      return result;
    } catch (error) {
      if (writer.inTransaction) writer.exec('ROLLBACK');
      throw error;
    }
  }

  /** In order of key: rows that stand together are written together. */
  private async write(checkpoint: Checkpoint): Promise<number> {
    const { fold, rows } = this;
    const slices = new Slices();
    let bytes = 0;
    for (const model of fold.newModels) rows.model(model);
    for (const doc of [...fold.dirty].sort((a, b) => a.key - b.key)) {
      bytes += rows.version(doc);
      if (slices.over()) await slices.next();
    }
    for (const move of fold.moves.sort((a, b) => a.model.id - b.model.id || a.revision - b.revision)) {
      rows.move(move);
      if (slices.over()) await slices.next();
    }
    rows.checkpoint(checkpoint);
    return bytes;
  }
}

function placeOf({ position, stream, revision, id }: Recorded): Omit<Checkpoint, 'logId'> {
  return { position, stream, revision, id };
}
