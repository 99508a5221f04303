import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SqliteEventStore } from '../sqlite-event-store';

/**
 * Opens the log it is given, says so, and keeps it until killed, though nothing in it refers to the store any more
 * and the garbage was collected. Ends with 1 and the reason when it cannot.
 */
async function main(file: string): Promise<void> {
  await SqliteEventStore.open({ file });
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  console.log('open');
}

main(process.argv[2]!).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
