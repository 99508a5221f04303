import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }).trim();

/** A file system of its own, small, to be filled or broken. */
export type Mount = { readonly path: string; unmount(): void };

/** A small file system in memory. Needs root. */
export function tmpfs(mebibytes: number): Mount {
  const path = mountPoint();
  asRoot(() => run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', path));
  return { path, unmount: () => (run('umount', path), rmSync(path, { recursive: true })) };
}

/** A file system that can turn read-only while it is written to, as Linux does when a disk fails. Needs root and a loop device. */
export type FailingDisk = Mount & { fail(): void; repair(): void };

export function failingDisk(mebibytes: number): FailingDisk {
  const path = mountPoint();
  const image = `${path}.img`;
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 1024 * 1024);
  run('mkfs.ext4', '-q', '-F', image);
  const device = asRoot(() => run('losetup', '--find', '--show', image));
  const mount = () => asRoot(() => run('mount', '-o', 'errors=remount-ro', device, path));
  mount();
  return {
    path,
    fail: () => writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1'),
    repair: () => (run('umount', path), mount()),
    unmount: () => {
      run('umount', path);
      run('losetup', '-d', device);
      rmSync(path, { recursive: true });
      rmSync(image);
    },
  };
}

/** Nothing can be written there any more, by nobody. */
export const makeReadOnly = ({ path }: Mount) => run('mount', '-o', 'remount,ro', path);
export const makeWritable = ({ path }: Mount) => run('mount', '-o', 'remount,rw', path);

/** Takes all the space but this much; removing the file gives it back. */
export function ballast({ path }: Mount, leave: number): string {
  const { bavail, bsize } = statfsSync(path);
  const file = join(path, 'ballast');
  writeFileSync(file, Buffer.alloc(bavail * bsize - leave));
  return file;
}

const mountPoint = () => mkdtempSync(join(tmpdir(), 'gatehouse-disk-'));

function asRoot<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    const why = (error as { stderr?: string }).stderr ?? String(error);
    throw new Error(
      `this test needs a disk of its own: run it as root, where mount (tmpfs, loop devices) is allowed, ` +
        `e.g. docker run --privileged. mount said: ${why}`,
      { cause: error },
    );
  }
}
