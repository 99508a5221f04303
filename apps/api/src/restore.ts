import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backup, newLogIdentity } from '@gatehouse/event-store';
import { dataFiles, InUse, openAlone, runCommand, say, stamp, wholeLog } from './maintenance';

/**
 * `npm run restore -- FILE [--force]`: puts a backup in the place of the log, as a log of its own, so that no
 * checkpoint of the old one holds on it. The backup stays as it is; a log that was there is kept beside it.
 */
runCommand(async () => {
  const { values, positionals } = parseArgs({
    options: { force: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length !== 1) throw new Error('say which backup: npm run restore -- FILE [--force]');
  const from = resolve(positionals[0]!);
  const { events, head } = wholeLog(from);
  const { log } = dataFiles();
  const replaces = existsSync(log);
  if (replaces && !values.force)
    throw new Error(`there is a log at ${log} already; to put it aside and the backup in its place: --force`);
  if (replaces) await refuseInUse(log);
  const logId = prepare(from, `${log}.restoring`);
  const aside = `${log}.replaced-${stamp()}`;
  if (replaces) move(log, aside);
  move(`${log}.restoring`, log);
  sync(dirname(log));
  if (replaces) say(`the log that was there is now ${aside}`);
  say(`restored ${events} events, up to position ${head}, to ${log}, which is log ${logId} from now on`);
  say('start the service: it builds the views anew; what came after the backup is not in it');
});

/** A log that is damaged cannot be opened, and may be replaced; one that the service has may not. */
async function refuseInUse(file: string): Promise<void> {
  const store = await openAlone(file).catch((error: unknown) => {
    if (error instanceof InUse) throw error;
  });
  await store?.close();
}

/** A durable copy with an identity of its own; returns that. */
function prepare(from: string, file: string): string {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  backup(from, file);
  const logId = newLogIdentity(file);
  rmSync(`${file}.lock`, { force: true });
  return logId;
}

/** With what SQLite keeps beside a file; the file itself last, so that it is never there without the rest. */
function move(file: string, to: string): void {
  for (const suffix of ['-wal', '-shm', ''])
    if (existsSync(file + suffix)) renameSync(file + suffix, to + suffix);
}

function sync(folder: string): void {
  const fd = openSync(folder, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
