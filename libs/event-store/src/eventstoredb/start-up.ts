import { status } from '@grpc/grpc-js';
import { pause } from '@gatehouse/eventsourcing';
import type { Connection } from './connection';
import { type Fault, faultOf, mayPass } from './fault';
import type { Identity, LogIdentity } from './identity';
import { metadataOf } from './limited';
import { allLast, streamPage } from './requests';
import type { Wire } from './wire';

const NEEDED = [22, 10] as const;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

export interface StartUp {
  readonly connection: Connection;
  readonly wire: Wire;
  readonly identity: LogIdentity;
  readonly prefix: string;
  readonly timeoutMs: number;
  /** For so long a server that does not answer is waited for. */
  readonly startMs: number;
  /** Told now and then why it waits. */
  readonly onWaiting: (why: string) => void;
}

/**
 * Everything that has to be so before anything is decided on this log: it answers, is new enough, gives positions, lets
 * us read and append, and is a log of ours. Rejects with what is missing and what to do.
 */
export async function startUp(start: StartUp): Promise<Identity> {
  const until = performance.now() + start.startMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await checked(start);
    } catch (error) {
      const fault = faultOf(error);
      // What is no answer of the server is what one of the checks has found.
      if (!isOfTheWire(error)) throw error;
      if (!mayPass(fault)) throw new Error(`EventStoreDB cannot be used: ${fault.message}`, { cause: error });
      const why = `EventStoreDB does not answer (${reason(fault)})`;
      if (performance.now() + pauseMs > until)
        throw new Error(
          `${why} after ${Math.round(start.startMs / 1_000)} s: check the hosts and tls= in GATEHOUSE_EVENT_STORE, and that the server runs`,
          { cause: error },
        );
      start.onWaiting(why);
      await pause(pauseMs);
    }
  }
}

async function checked({
  connection,
  wire,
  identity,
  prefix,
  timeoutMs,
  onWaiting,
}: StartUp): Promise<Identity> {
  newEnough(await connection.serverVersion(timeoutMs));
  const ours = `streams that begin with "${prefix}"`;
  await allowed('read $all ($r in the metadata of $all)', async () => {
    for await (const _ of wire.read(allLast())) break;
  });
  await allowed(`read ${ours} ($r)`, () => identity.read());
  // Metadata tell a stream that was deleted from one that never was.
  await allowed(`read the metadata of ${ours} ($mr)`, async () => {
    for await (const _ of wire.read(streamPage(metadataOf(prefix), 0n, 1))) break;
  });
  const found = await allowed(`append to ${ours} ($w)`, () => identity.establish(onWaiting));
  await allowed(`append to ${ours} ($w)`, () => identity.write(found.event));
  return found;
}

/** What it comes to. Throws an error that names the right when that is what is missing. */
async function allowed<T>(right: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (!isOfTheWire(error) || error.kind !== 'denied') throw error;
    const what = unknownUser(error)
      ? 'does not know the user of GATEHOUSE_EVENT_STORE, or not with this password (% escapes in both; they are sent over TLS only)'
      : `does not let the user of GATEHOUSE_EVENT_STORE ${right}: grant it, or name a user that may`;
    throw new Error(`EventStoreDB ${what}. The rights: libs/event-store/src/eventstoredb/README.md`, {
      cause: error,
    });
  }
}

function unknownUser({ cause }: Fault): boolean {
  // What the fault was made of is an error of grpc-js.
  return (cause as { code?: unknown } | undefined)?.code === status.UNAUTHENTICATED;
}

function newEnough(version: string | undefined): void {
  const [major = 0, minor = 0] =
    /^v?(\d+)\.(\d+)/
      .exec(version ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  throw new Error(
    `this EventStoreDB is ${version === undefined ? 'older than 21.10' : `version ${version}`}: 22.10 or later is needed, because earlier ones give no positions when a stream is read`,
  );
}

function reason({ message, cause }: Fault): string {
  const inner = cause === undefined ? undefined : faultOf(cause).message;
  return inner === undefined || inner === message ? message : `${message}: ${inner}`;
}

function isOfTheWire(error: unknown): error is Fault {
  return error instanceof Error && error.name === 'Fault';
}
