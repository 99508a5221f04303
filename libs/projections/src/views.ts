import { decode, isModelStream, type Fact } from '@gatehouse/domain';
import type { Checkpoint, Follower, Recorded } from '@gatehouse/eventsourcing';
import type { Database } from 'better-sqlite3';
import { toBatch } from './batch';
import { BreakGlassProjection } from './break-glass';
import { isCurrent, openReader, prepareDatabase } from './database';
import { Fold } from './fold';
import { LiveProjection } from './live';
import { ModelsProjection } from './models';
import { Stored } from './stored';
import { UsageProjection } from './usage';
import { VersionsProjection } from './versions';
import { Writer } from './writer';

/** All views of the log: one follower, one file, one pass. Rows and checkpoint are one transaction. */
export class Views implements Follower {
  readonly name = 'views';
  readonly live: LiveProjection;
  readonly versions: VersionsProjection;
  readonly models: ModelsProjection;
  readonly breakGlass: BreakGlassProjection;
  readonly usage: UsageProjection;
  /** Models whose stream has lost its beginning: what is left of it is in no view. As far as it was met since the start. */
  readonly gaps = new Set<string>();
  private readonly stored: Stored;
  private fold: Fold;
  /** Up to where events are folded; null when all that is folded is on its way to the file. */
  private pending: Checkpoint | null = null;
  /** The batch that is on its way; the next one is folded meanwhile. */
  private writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly reader: Database,
    private readonly writer: Writer,
  ) {
    this.stored = new Stored(reader);
    this.fold = new Fold(this.stored);
    this.live = new LiveProjection(reader);
    this.versions = new VersionsProjection(reader);
    this.models = new ModelsProjection(reader);
    this.breakGlass = new BreakGlassProjection(reader);
    this.usage = new UsageProjection(reader);
  }

  /** Opens the views in this file; makes it, or makes it anew, where it is missing, damaged (which is told) or of another release. */
  static open(file: string, onDamaged: (error: Error) => void = () => undefined): Views {
    const damage = prepareDatabase(file);
    if (damage) onDamaged(damage);
    return new Views(openReader(file), new Writer(file));
  }

  /** The same, but nothing is made anew: null where `open` would. */
  static openAsIs(file: string): Views | null {
    return isCurrent(file) ? new Views(openReader(file), new Writer(file)) : null;
  }

  /** Call it when whoever follows with it has stopped. */
  async close(): Promise<void> {
    this.reader.close();
    await this.writer.close();
  }

  async checkpoint(): Promise<Checkpoint | null> {
    await this.writing.catch(() => {});
    this.begin();
    return this.stored.checkpoint();
  }

  /** Folds events; `settle` makes them visible. One that cannot be decoded throws, and what came before it is kept. */
  async handle(events: readonly Recorded[], checkpoint: Checkpoint): Promise<void> {
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      if (!isModelStream(event.stream)) continue;
      let fact: Fact;
      try {
        fact = decode(event);
      } catch (error) {
        if (i > 0) this.pending = { ...checkpoint, ...placeOf(events[i - 1]!) };
        await this.settle();
        throw error;
      }
      if (!this.fold.knows(event.stream) && !(await this.fold.learn(event.stream, fact))) {
        this.gaps.add(event.stream);
        continue;
      }
      this.fold.apply(event.stream, fact);
    }
    this.pending = checkpoint;
    if (this.fold.isLarge) await this.send();
  }

  /** Resolves when what was folded is in the file, and the checkpoint with it; from then on queries see it. */
  async settle(): Promise<void> {
    await this.send();
    await this.writing;
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    await this.writing;
    await this.writer.clear();
    this.gaps.clear();
    this.begin();
    this.live.forget();
  }

  /** From what is in the file; what was folded and not written is forgotten. */
  private begin(): void {
    this.writing = Promise.resolve();
    this.pending = null;
    this.stored.restart();
    this.fold = new Fold(this.stored);
  }

  /** Sends what is folded on its way, once the batch before has arrived. */
  private async send(): Promise<void> {
    await this.writing;
    const { pending } = this;
    if (!pending) return;
    this.pending = null;
    const unwritten = this.fold.take();
    const changed = new Set([...unwritten.models, ...unwritten.moves.map(({ model }) => model)]);
    this.writing = this.writer.write(await toBatch(unwritten, pending)).then(() => {
      for (const { tenant, name } of changed) this.live.changed(tenant, name);
    });
    // Whoever awaits it next meets the error.
    this.writing.catch(() => {});
  }
}

function placeOf({ position, stream, revision, id }: Recorded): Omit<Checkpoint, 'logId'> {
  return { position, stream, revision, id };
}
