import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from './child';
import { compileShim } from './shim';

/** One thing that a process did to a disk, in the order in which it happened. */
export type Step =
  | { readonly kind: 'create' | 'sync' | 'unlink'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  /** An append was acknowledged to its caller. */
  | { readonly kind: 'acknowledged'; readonly id: string };

/** The file in the folder to which a recorded run writes the ids that were acknowledged to it. */
export const ACKNOWLEDGED = 'acknowledged';

/** Runs a script on a folder and records what it writes and syncs below it. */
export async function recordRun(script: string, folder: string, recordFolder: string): Promise<Step[]> {
  const file = join(recordFolder, `record-${Date.now()}`);
  const run = start(script, [folder], {
    LD_PRELOAD: compileShim('record-io', recordFolder),
    GATEHOUSE_RECORD_FOLDER: folder,
    GATEHOUSE_RECORD_FILE: file,
  });
  const { code } = await run.exited;
  if (code !== 0) throw new Error(`the recorded run failed: ${run.complaints()}`);
  return [...parse(readFileSync(file), join(folder, ACKNOWLEDGED))];
}

function* parse(bytes: Buffer, acknowledged: string): Generator<Step> {
  for (let at = 0; at < bytes.length;) {
    const kind = String.fromCharCode(bytes[at]!);
    const pathEnd = at + 3 + bytes.readUInt16LE(at + 1);
    const path = bytes.toString('utf8', at + 3, pathEnd);
    const offset = Number(bytes.readBigUInt64LE(pathEnd));
    const end = pathEnd + 12 + bytes.readUInt32LE(pathEnd + 8);
    const data = bytes.subarray(pathEnd + 12, end);
    at = end;
    if (path !== acknowledged) yield toStep(kind, path, offset, data);
    else if (kind === 'W') yield { kind: 'acknowledged', id: data.toString().trim() };
  }
}

function toStep(kind: string, path: string, offset: number, data: Buffer): Step {
  if (kind === 'W') return { kind: 'write', path, offset, data };
  if (kind === 'T') return { kind: 'truncate', path, size: offset };
  if (kind === 'C') return { kind: 'create', path };
  if (kind === 'U') return { kind: 'unlink', path };
  if (kind === 'S') return { kind: 'sync', path };
  throw new Error(`the record has a step of kind ${kind}`);
}
