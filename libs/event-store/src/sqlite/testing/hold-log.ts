import { SqliteEventStore } from '../sqlite-event-store';

/** Opens the log it is given, says so, and keeps it until killed. Ends with 1 and the reason when it cannot. */
async function main(file: string): Promise<void> {
  await SqliteEventStore.open({ file });
  console.log('open');
}

main(process.argv[2]!).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
