import type { Connection } from './connection';
import { type Fault, faultOf, mayPass } from './fault';
import type { Identity, LogIdentity } from './identity';
import { allLast } from './requests';
import { pause } from './within';
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
      if (!mayPass(fault)) throw explained(fault, start.prefix);
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

async function checked({ connection, wire, identity, timeoutMs }: StartUp): Promise<Identity> {
  newEnough(await connection.serverVersion(timeoutMs));
  // Whether we may.
  for await (const _ of wire.read(allLast())) break;
  const found = await identity.establish();
  await identity.write(found.event);
  return found;
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

function explained(fault: Fault, prefix: string): Error {
  const options = { cause: fault };
  if (fault.kind === 'denied')
    return new Error(
      `EventStoreDB refuses the user of GATEHOUSE_EVENT_STORE: it needs a right name and password (sent over TLS only), the right to read $all, and to read and append to streams that begin with "${prefix}" (libs/event-store/src/eventstoredb/README.md has the ACLs)`,
      options,
    );
  return new Error(`EventStoreDB cannot be used: ${fault.message}`, options);
}

function reason({ message, cause }: Fault): string {
  const inner = cause === undefined ? undefined : faultOf(cause).message;
  return inner === undefined || inner === message ? message : `${message}: ${inner}`;
}

function isOfTheWire(error: unknown): error is Fault {
  return error instanceof Error && error.name === 'Fault';
}
