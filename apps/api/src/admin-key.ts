import { parseArgs } from 'node:util';
import { Rejected } from '@gatehouse/domain';
import { FIRST_TENANT, leaveAdminKey } from './access/admin-key-file';
import { openLog, runCommand, say } from './maintenance';

/**
 * `npm run admin-key -- [--tenant NAME]`: a new key for the admin of a tenant whose keys are all lost, who holds every role, in
 * `<data>/admin.key`. The embedded log takes it while the service is stopped, EventStoreDB at any time. It is in the log like any key.
 */
runCommand(async () => {
  const { values } = parseArgs({ options: { tenant: { type: 'string', default: FIRST_TENANT } } });
  const { tenant } = values;
  const { store, data } = await openLog();
  try {
    const left = await leaveAdminKey(store, data, tenant, 'recoverAdmin').catch((error: unknown) => {
      if (!(error instanceof Rejected)) throw error;
      throw new Error(
        `there is no tenant ${tenant} in this log; say which: npm run admin-key -- --tenant NAME`,
      );
    });
    // A tenant that there is always needs it.
    const { file, position, aside } = left!;
    if (aside !== undefined) say(`the key that was there is now in ${aside}`);
    say(`the admin of ${tenant} has a key that holds every role: it is in ${file}, and nowhere else`);
    say(`the log says so at position ${position}; keys that were lost are still good: revoke them`);
  } finally {
    await store.close();
  }
});
