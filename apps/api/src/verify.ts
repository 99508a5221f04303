import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Views } from '@gatehouse/projections';
import {
  existingFiles,
  InUse,
  openAlone,
  refuse,
  runCommand,
  say,
  wholeLog,
  type DataFiles,
} from './maintenance';
import { checkPointers } from './pointer-check';

/**
 * `npm run verify [-- FILE]`: reads the whole log (or a backup of one) and says what is wrong with it; then, if the service
 * does not run, whether the live view is what the log says. Exit code 1 when anything is wrong.
 */
runCommand(async ([file]) => {
  if (file !== undefined) return tell(resolve(file));
  const files = existingFiles();
  tell(files.log);
  await views(files);
});

function tell(file: string): void {
  const { logId, head, events, streams } = wholeLog(file);
  say(`${file}: log ${logId}, ${events} events in ${streams} streams, up to position ${head}`);
  say('the log is whole: integrity, schema and triggers, dense revisions, JSON');
}

async function views({ log, views: file }: DataFiles): Promise<void> {
  if (!existsSync(file)) return say('there are no views; the next start builds them');
  const store = await openAlone(log).catch((error: unknown) => {
    if (!(error instanceof InUse)) throw error;
    return null;
  });
  if (store === null)
    return say('NOT CHECKED: the views, because the service runs; stop it to have them compared');
  const opened = Views.openAsIs(file);
  if (opened === null) {
    await store.close();
    return say(`${file} is damaged or of another release; the next start builds it anew`);
  }
  try {
    const checked = await checkPointers(store, opened);
    if (checked === null)
      return say('the views are empty or of another log; the next start builds them anew');
    refuse('the live view differs from the log; run `npm run rebuild`', checked.problems);
    say(`the live view is what the log says: ${checked.models} models, up to position ${checked.position}`);
  } finally {
    await opened.close();
    await store.close();
  }
}
