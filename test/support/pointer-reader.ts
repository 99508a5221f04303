import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// A process that does nothing but read pointer files, as a production system would: what it has seen once must
// never be missing, empty, torn or older than before. Reports what it saw when it is told to stop.

export type Seen = { reads: number; moves: number; faults: string[] };

const folder = process.argv[2]!;
const revisions = new Map<string, number>();
const seen: Seen = { reads: 0, moves: 0, faults: [] };

function look(): void {
  for (const model of modelsIn(folder)) {
    const known = revisions.get(model);
    try {
      const { revision } = JSON.parse(readFileSync(join(folder, model, 'active_version.json'), 'utf8')) as {
        revision: number;
      };
      seen.reads += 1;
      if (typeof revision !== 'number' || revision < (known ?? 0))
        seen.faults.push(`${model}: revision ${revision} after ${known}`);
      if (revision !== known) seen.moves += 1;
      revisions.set(model, revision);
    } catch (error) {
      // The folder comes before the first file in it.
      if (known !== undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT')
        seen.faults.push(`${model}: ${String(error)}`);
    }
  }
  setTimeout(look, 2);
}

function modelsIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

process.on('message', () => process.send!(seen, () => process.exit(0)));
look();
