import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { decode, isModelStream } from '@gatehouse/domain';
import { type Checkpoint, type Follower, MayPass, type Recorded } from '@gatehouse/eventsourcing';
import { each, makeFolder, removeLeftovers, replaceFile } from './atomic-file';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file';

export interface PointerFileOptions {
  /** Holds `<tenant>/<model>/active_version.json` for every model there is, and the checkpoint. */
  readonly folder: string;
  /**
   * What the file of a model says, with every event up to this position in it, or later ones too; null where there
   * is no such model. Rejects when that position cannot be reached: then the follower stops.
   */
  readonly render: (tenant: string, model: string, atLeast: bigint) => Promise<string | null>;
  /** The end of the log. */
  readonly head: () => Promise<bigint>;
}

const FILE = 'active_version.json';
const TENANT = /^[a-z0-9-]{1,63}$/;
const MODEL = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** Keeps a file per model that says what is live. A reader that polls it finds it whole, and never an older one. */
export class PointerFile implements Follower {
  readonly name = 'pointer-file';
  private readonly checkpointFile: string;
  private prepared = false;
  /** The end of the log when this began; until it is passed, the models whose files say all up to it. */
  private begin: bigint | null = null;
  private readonly current = new Set<string>();

  constructor(private readonly options: PointerFileOptions) {
    this.checkpointFile = join(options.folder, '.checkpoint.json');
  }

  checkpoint(): Promise<Checkpoint | null> {
    return this.orMayPass(async () => {
      if (!this.prepared) await prepareFolder(this.options.folder);
      this.prepared = true;
      this.begin = null;
      this.current.clear();
      return readCheckpoint(this.checkpointFile);
    });
  }

  async handle(events: readonly Recorded[], checkpoint: Checkpoint): Promise<void> {
    const moved = new Map<string, [tenant: string, model: string]>();
    for (const event of events) {
      if (!isModelStream(event.stream)) continue;
      const { type, meta, data } = decode(event);
      const first = type === 'model.Registered' && data.version === 1;
      if (first || type === 'model.Promoted' || type === 'model.RolledBack')
        moved.set(event.stream, [meta.tenant, meta.model ?? '']);
    }
    await this.orMayPass(async () => {
      await this.writeAll([...moved], checkpoint.position);
      await writeCheckpoint(this.checkpointFile, checkpoint);
    });
  }

  /**
   * Another log: every file is written again, over the old one, as its model is met. A file of a model that this log
   * does not have stays: it is for the operator to judge.
   */
  async reset(): Promise<void> {}

  /**
   * A process before this one may have written what came later than its checkpoint, so no file is written from
   * anything older than the log was when this process began: no reader sees the pointer go back.
   */
  private async writeAll(
    models: [stream: string, names: [string, string]][],
    position: bigint,
  ): Promise<void> {
    this.begin ??= await this.options.head();
    const catchingUp = position <= this.begin;
    const atLeast = catchingUp ? this.begin : position;
    if (!catchingUp) this.current.clear();
    const waiting = models.filter(([stream]) => !this.current.has(stream));
    await each(waiting, async ([stream, names]) => {
      await this.write(names, atLeast);
      if (catchingUp) this.current.add(stream);
    });
  }

  private async orMayPass<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!passing(error)) throw error;
      // The folder may be gone, and the checkpoint with it: then every file is written again.
      this.prepared = false;
      throw new MayPass(error.message, { cause: error });
    }
  }

  private async write([tenant, model]: [string, string], atLeast: bigint): Promise<void> {
    // A name is a name of a folder here: one that could lead out of ours cannot have been accepted.
    if (!TENANT.test(tenant) || !MODEL.test(model))
      throw new Error(`no file for ${tenant}/${model}: not a name`);
    const text = await this.options.render(tenant, model, atLeast);
    if (text === null) return;
    const folder = join(this.options.folder, tenant, model);
    await makeFolder(folder);
    await replaceFile(join(folder, FILE), text);
  }
}

/** Makes the folder if need be and clears what a killed process left in it. Rejects where nothing can be written. */
export async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  await access(folder, constants.W_OK);
  await removeLeftovers(folder);
}

const PASSING = 'ENOSPC EDQUOT EROFS EIO EACCES EPERM ENOENT ENOTDIR EEXIST EISDIR'.split(' ');

/** A full, read-only or failing disk, or a folder that somebody took away or put something else in place of, may be mended while we run. */
function passing(error: unknown): error is Error {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && PASSING.includes(code);
}
