import { follow, type EventStore, type FollowStatus } from '@gatehouse/eventsourcing';
import { deleteDatabase } from './database';
import { Views } from './views';

/**
 * Deletes the views in this file and builds them anew, up to the end of the log as it is now. Nothing else may
 * have the file open. Throws what stopped it.
 */
export async function rebuild(
  store: EventStore,
  file: string,
  onProgress: (status: FollowStatus) => void = () => {},
): Promise<FollowStatus> {
  deleteDatabase(file);
  const views = Views.open(file);
  const stop = new AbortController();
  let failed: Error | undefined;
  try {
    const following = follow(store, views, {
      signal: stop.signal,
      onProgress: (status) => {
        onProgress(status);
        if (status.state === 'live') stop.abort();
      },
      onError: (error) => {
        failed = error;
        stop.abort();
      },
    });
    if ((await store.log()).head === 0n) stop.abort();
    await following.done;
    if (failed) throw failed;
    return following.status();
  } finally {
    await views.close();
  }
}
