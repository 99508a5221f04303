import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Random } from './random';
import type { Step } from './recording';

const SECTOR = 512;

type Change = Extract<Step, { kind: 'write' | 'truncate' }>;

/** A file as the disk has it for certain, and what was done to it since the last sync. */
interface OnDisk {
  content: Buffer;
  pending: Change[];
}

/** How much of what was not synced is on the disk after the cut. */
const CUTS = ['nothing', 'everything', 'some writes', 'some sectors', 'the first writes'] as const;

/**
 * A disk without power protection. What was synced stays. What was not may be there, in any order, as a whole or by
 * sectors of 512 bytes; a file whose folder was not synced may be missing, and a removed one may be back.
 */
export class TornDisk {
  private readonly files = new Map<string, OnDisk>();
  /** Names as the last sync of their folder left them. */
  private durableNames = new Map<string, OnDisk>();
  readonly acknowledged = new Set<string>();

  /** Takes the next step of the record. */
  apply(step: Step): void {
    switch (step.kind) {
      case 'create':
        return void this.files.set(step.path, { content: Buffer.alloc(0), pending: [] });
      case 'unlink':
        return void this.files.delete(step.path);
      case 'write':
      case 'truncate':
        return void this.file(step.path).pending.push(step);
      case 'sync':
        return this.sync(step.path);
      case 'acknowledged':
        return void this.acknowledged.add(step.id);
    }
  }

  /** Cuts the power here: writes what one disk might hold into a folder. Says whether anything was torn. */
  cut(folder: string, random: Random): boolean {
    mkdirSync(folder, { recursive: true });
    const how = random.pick(CUTS);
    let torn = false;
    for (const path of new Set([...this.files.keys(), ...this.durableNames.keys()])) {
      const file = this.nameAfterCut(path, random);
      if (!file) continue;
      torn ||= file.pending.length > 0 && how !== 'everything';
      const kept = how === 'nothing' ? [] : remains(file.pending, how, random);
      writeFileSync(join(folder, basename(path)), kept.reduce(change, Buffer.from(file.content)));
    }
    return torn;
  }

  private sync(path: string): void {
    const file = this.files.get(path);
    if (file) {
      file.content = file.pending.reduce(change, file.content);
      file.pending = [];
      return;
    }
    for (const name of this.durableNames.keys())
      if (dirname(name) === path && !this.files.has(name)) this.durableNames.delete(name);
    for (const [name, named] of this.files) if (dirname(name) === path) this.durableNames.set(name, named);
  }

  private nameAfterCut(path: string, random: Random): OnDisk | undefined {
    const now = this.files.get(path);
    const durable = this.durableNames.get(path);
    return now === durable || random.below(2) === 0 ? now : durable;
  }

  private file(path: string): OnDisk {
    const file = this.files.get(path);
    if (!file) throw new Error(`the record writes to ${path}, which it has not created`);
    return file;
  }
}

/** What is left of the changes that no sync has covered, in the order in which the disk happened to do them. */
function remains(pending: readonly Change[], how: (typeof CUTS)[number], random: Random): Change[] {
  if (how === 'everything') return [...pending];
  if (how === 'the first writes') {
    const kept = pending.slice(0, random.below(pending.length + 1));
    const last = kept.pop();
    return last ? [...kept, ...sectors(last).slice(0, 1 + random.below(8))] : kept;
  }
  const pieces = how === 'some sectors' ? pending.flatMap(sectors) : [...pending];
  const share = random.below(100);
  return random.shuffle(pieces.filter(() => random.below(100) < share));
}

function sectors(step: Change): Change[] {
  if (step.kind === 'truncate') return [step];
  const pieces: Change[] = [];
  for (let at = 0; at < step.data.length;) {
    const end = Math.min(step.data.length, at + SECTOR - ((step.offset + at) % SECTOR));
    pieces.push({ ...step, offset: step.offset + at, data: step.data.subarray(at, end) });
    at = end;
  }
  return pieces;
}

/** The content after a change. Grows by doubling would be faster; the files are small. */
function change(content: Buffer, step: Change): Buffer {
  const end = step.kind === 'truncate' ? step.size : Math.max(content.length, step.offset + step.data.length);
  const next = end === content.length ? content : Buffer.concat([content], end);
  if (step.kind === 'write') step.data.copy(next, step.offset);
  return next;
}
