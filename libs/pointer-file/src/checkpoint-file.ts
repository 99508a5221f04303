import { readFile } from 'node:fs/promises';
import type { Checkpoint } from '@gatehouse/eventsourcing';
import { replaceFile } from './atomic-file';

/** The checkpoint in this file; null where there is none that can be read: then everything is done once more. */
export async function readCheckpoint(file: string): Promise<Checkpoint | null> {
  try {
    const { logId, position, stream, revision, id } = JSON.parse(await readFile(file, 'utf8')) as {
      [member in keyof Checkpoint]: string;
    };
    const strings = [logId, stream, id].every((text) => typeof text === 'string');
    return strings ? { logId, stream, id, position: BigInt(position), revision: BigInt(revision) } : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code !== 'ENOENT') throw error;
    return null;
  }
}

export function writeCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  const { position, revision } = checkpoint;
  return replaceFile(
    file,
    JSON.stringify({ ...checkpoint, position: String(position), revision: String(revision) }),
  );
}
