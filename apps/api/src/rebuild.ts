import type { FollowStatus } from '@gatehouse/eventsourcing';
import { rebuild } from '@gatehouse/projections';
import { openLogAlone, runCommand, say } from './maintenance';

const TELL_EVERY_MS = 1_000;

/** `npm run rebuild`: makes `views.db` anew from the log. Interrupted, the next start of the service finishes it. */
runCommand(async () => {
  const { store, views } = await openLogAlone();
  try {
    const { head } = await store.log();
    say(`rebuilding ${views} from the log up to position ${head}`);
    const began = performance.now();
    const done = await rebuild(store, views, progress(began));
    const seconds = (performance.now() - began) / 1_000;
    say(
      `rebuilt up to position ${done.position} in ${seconds.toFixed(1)} s, ${rate(done, began)} positions/s`,
    );
  } finally {
    await store.close();
  }
});

/** Tells how far it is when it has come further, once a second at most. */
function progress(began: number): (status: FollowStatus) => void {
  let told = { at: began, position: 0n };
  return (status) => {
    if (performance.now() - told.at < TELL_EVERY_MS || status.position === told.position) return;
    told = { at: performance.now(), position: status.position };
    const percent = (100n * status.position) / (status.head || 1n);
    say(`${percent} %: ${status.position} of ${status.head}, ${rate(status, began)} positions/s`);
  };
}

/** In the embedded log every event takes one position; in EventStoreDB as many as it has bytes. */
function rate({ position }: FollowStatus, began: number): number {
  return Math.round(Number(position) / ((performance.now() - began) / 1_000));
}
