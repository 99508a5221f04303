import { migrate, type Migrated, type MigrationProgress } from '@gatehouse/event-store';
import { readSettings } from '@gatehouse/platform';
import { embeddedLog, openAlone, openSharedLog, runCommand, say, wholeLog } from './maintenance';

const TELL_EVERY_MS = 1_000;

/**
 * `npm run migrate`: copies the embedded log to the EventStoreDB that `GATEHOUSE_EVENT_STORE` names, and reads both again to
 * the end. Killed and run again, it goes on from what is there. The embedded log stays as it is.
 */
runCommand(async () => {
  const settings = readSettings(process.env);
  if (settings.eventStore === undefined)
    throw new Error('say where to: set GATEHOUSE_EVENT_STORE to the esdb:// address of the new log');
  const log = embeddedLog(settings.data);
  const source = await openAlone(log);
  try {
    const { events } = wholeLog(log);
    const target = await openSharedLog(settings.eventStore, settings.eventStorePrefix);
    try {
      say(`migrating ${events} events of ${log} to streams "${settings.eventStorePrefix}…" in EventStoreDB`);
      tell(await migrate(source, target, { onProgress: progress() }), log);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
});

/** Tells how far it is, once a second at most. */
function progress(): (progress: MigrationProgress) => void {
  const began = performance.now();
  let told = began;
  return ({ phase, events, position, head }) => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    const seconds = ((told - began) / 1_000).toFixed(0);
    say(`${phase}: ${(100n * position) / (head || 1n)} %, ${events} events, ${seconds} s`);
  };
}

function tell({ found, copied, source, target }: Migrated, log: string): void {
  say(
    `copied ${copied} events; ${found} were there already`,
    `from: log ${source.logId}, ${source.events} events in ${source.streams} streams, up to position ${source.head}, ${source.digest}`,
    `to:   log ${target.logId}, ${target.events} events in ${target.streams} streams, up to position ${target.head}, ${target.digest}`,
    'both logs are the same: ids, order, revisions, content; no event has a smaller position than before',
    'next:',
    '  1. set GATEHOUSE_EVENT_STORE as it was for this command, wherever the service will run; several replicas share one',
    '     GATEHOUSE_CURSOR_SECRET (this folder has one in cursor.secret: with that, cursors that clients hold stay good)',
    '  2. start the service: it builds its views anew, and /readyz is 503 until they are there; the relay goes on where it was',
    `  3. never start it without GATEHOUSE_EVENT_STORE on this folder again: it would go on with the old log. ${log} is a backup now`,
    'clients: /v1/log says another logId, and positions are other numbers. Who goes on from an old position is given events again,',
    'with the ids they had, and misses none. ETags, versions, revisions and idempotency keys are what they were.',
  );
}
