import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders and small disks that are gone after the test. */
export class Folders {
  private readonly undo: (() => void)[] = [];

  make(): string {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-store-'));
    this.undo.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** A disk of its own, of so many bytes. */
  mount(bytes: number): string {
    if (process.getuid?.() !== 0) throw new Error('only root may mount a disk: run this test as root');
    const folder = this.make();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
    this.undo.push(() => execFileSync('umount', ['-l', folder]));
    return folder;
  }

  removeAll(): void {
    for (const undo of this.undo.splice(0).reverse()) undo();
  }
}
