import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const TEMPORARY = '.tmp';
const AT_ONCE = 8;

/**
 * Puts a text in place of what the file held: a reader finds the old text or the new one, never a part, never
 * nothing; also after a power cut. One writer per file.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}${TEMPORARY}`;
  const handle = await open(temporary, 'w', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncFolder(dirname(file));
}

/** Makes a folder inside another one, so that both are still there after a power cut. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Deletes what a writer left half done when it was killed, here and in the folders below. */
export async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries)
    if (entry.isFile() && entry.name.endsWith(`.json${TEMPORARY}`))
      await rm(join(folder, entry.name), { force: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  await each(folders, ({ name }) => removeLeftovers(join(folder, name)));
}

/** Does it for every item, some at a time: most of the time goes into waiting for the disk. Throws the first error. */
export async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items].reverse();
  const worker = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await act(item);
  };
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
