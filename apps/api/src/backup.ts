import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { backup } from '@gatehouse/event-store';
import { existingFiles, runCommand, say, stamp, wholeLog } from './maintenance';

/** `npm run backup -- FILE_OR_FOLDER`: a copy of the log as it is now, read again from end to end. The service may run. */
runCommand(([to]) => {
  if (to === undefined) throw new Error('say where to: npm run backup -- FILE_OR_FOLDER');
  const { log } = existingFiles();
  const file = isFolder(to) ? join(resolve(to), `gatehouse-${stamp()}.db`) : resolve(to);
  backup(log, file);
  const { logId, head, events } = wholeLog(file);
  say(`backed up ${events} events of log ${logId}, up to position ${head}, to ${file}`);
});

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
