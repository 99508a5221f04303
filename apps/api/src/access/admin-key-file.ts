import { sha256, uuidV5 } from '@gatehouse/canonical';
import { accessStream, ROLES, type AccessCommand } from '@gatehouse/domain';
import { OutcomeUnknown, Transactor, type EventStore } from '@gatehouse/eventsourcing';
import { mintApiKey } from '@gatehouse/identity';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { ACCESS_DECIDER } from './access.handler';

/** The tenant of the first start. */
export const FIRST_TENANT = 'default';

/** Who a tenant begins with. */
export const FIRST_ADMIN = {
  actor: { id: 'admin', kind: 'user' },
  roles: ROLES.map((role) => ({ role })),
} as const;

/** Who makes a key that nobody asked for over the API. */
const GATEHOUSE = { id: 'gatehouse', kind: 'service' } as const;

const OPERATOR = {
  actor: GATEHOUSE,
  auth: { method: 'platform' },
  roles: [],
  groups: [],
  makers: [],
} as const;

/** Where a key was left, where the event of it stands, and where the file is now that was in its place. */
export type LeftKey = { readonly file: string; readonly position: bigint; readonly aside?: string };

/**
 * Makes a key for the admin of a tenant, who holds every role: in `<folder>/admin.key`, for the owner of the process alone, and
 * nowhere else. A file that is there is put aside. Null: there was no need, and nothing was changed. Throws `Rejected` when
 * there is no such tenant to recover.
 */
export async function leaveAdminKey(
  store: EventStore,
  folder: string,
  tenant: string,
  verb: 'openTenant' | 'recoverAdmin',
): Promise<LeftKey | null> {
  const { id, key, hash } = mintApiKey(tenant);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'admin.key');
  const aside = putAside(file, id);
  let keep = false;
  try {
    // First the file: a key in the log that nobody has would lock everybody out.
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
    const position = await record(store, tenant, { verb, data: { key: id, ...FIRST_ADMIN, hash } });
    keep = position !== null;
    return position === null ? null : { file, position, ...(aside !== undefined && { aside }) };
  } catch (error) {
    // For the same reason: the key may be in the log.
    keep = error instanceof OutcomeUnknown;
    throw error;
  } finally {
    if (!keep) takeBack(file, aside);
  }
}

/** Where the event stands; null when it was so already. */
async function record(store: EventStore, tenant: string, command: AccessCommand): Promise<bigint | null> {
  const id = uuidv7();
  return new Transactor(store, ACCESS_DECIDER).transact(
    {
      stream: accessStream(tenant),
      eventId: uuidV5(id),
      command: { command, caller: { ...OPERATOR, tenant }, people: false },
      meta: {
        tenant,
        actor: GATEHOUSE,
        auth: OPERATOR.auth,
        command: { id, fingerprint: sha256(id) },
        correlation: id,
        schema: 1,
      },
    },
    ({ recorded }) => recorded?.position ?? null,
  );
}

/** Named after the key that takes its place, so that no two are alike. */
function putAside(file: string, id: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const aside = `${file}.replaced-by-${id}`;
  renameSync(file, aside);
  return aside;
}

function takeBack(file: string, aside: string | undefined): void {
  rmSync(file, { force: true });
  if (aside !== undefined) renameSync(aside, file);
}
