import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  openEventStoreDb,
  type OpenStore,
  openStore,
  SqliteEventStore,
  type Verified,
  verify,
} from '@gatehouse/event-store';
import { lookUpSettings } from '@gatehouse/platform';

/** The files of the data folder that maintenance is about. */
export type DataFiles = { readonly log: string; readonly views: string };

/** Runs a command of the operator. What it throws is a message for them; the exit code is then 1. */
export function runCommand(act: (args: readonly string[]) => void | Promise<void>): void {
  void (async () => {
    try {
      await act(process.argv.slice(2));
    } catch (error) {
      process.stderr.write(`gatehouse: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  })();
}

/** Where the log and the views of this installation are, by the same settings as the service. Throws when the log is no file. */
export function dataFiles(): DataFiles {
  const { data, eventStore } = lookUpSettings(process.env);
  if (eventStore !== undefined)
    throw new Error(
      'the log is in EventStoreDB (GATEHOUSE_EVENT_STORE): back it up, verify and restore it with the tools of EventStoreDB. After a restore start every replica with an empty GATEHOUSE_DATA, or run `npm run rebuild` on each',
    );
  return filesIn(data);
}

/** The same, of a folder that has a log: elsewhere a command would make an empty one and call it good. */
export function existingFiles(): DataFiles {
  return existing(dataFiles());
}

/** The embedded log in a data folder, even if the service will use another one from now on. */
export function embeddedLog(data: string): string {
  return existing(filesIn(data)).log;
}

function filesIn(data: string): DataFiles {
  return { log: join(data, 'events.db'), views: join(data, 'views.db') };
}

function existing(files: DataFiles): DataFiles {
  if (!existsSync(files.log))
    throw new Error(`there is no log at ${files.log}; set GATEHOUSE_DATA to the data folder of the service`);
  return files;
}

/** The log of this installation, wherever it is, for this process alone, and the file of its views. */
export async function openLogAlone(): Promise<{ store: OpenStore; views: string }> {
  const { data, eventStore, eventStorePrefix: prefix } = lookUpSettings(process.env);
  const views = join(data, 'views.db');
  if (eventStore === undefined) return { store: await openAlone(existingFiles().log), views };
  return { store: await openStore({ data, eventStore, prefix, onWaiting: (why) => say(why) }), views };
}

/** The same, to append to: the embedded log for this process alone, EventStoreDB beside whoever else has it. */
export async function openLog(): Promise<{ store: OpenStore; data: string }> {
  const { data, eventStore, eventStorePrefix } = lookUpSettings(process.env);
  if (eventStore === undefined) return { store: await openAlone(existingFiles().log), data };
  return { store: await openSharedLog(eventStore, eventStorePrefix), data };
}

/** The log in EventStoreDB, which others may have open, too. */
export function openSharedLog(connection: string, prefix: string): Promise<OpenStore> {
  return openEventStoreDb({ connection, prefix, onWaiting: (why) => say(`waiting: ${why}`) });
}

/** What is in a log, or a backup of one, that is whole. Throws what is wrong with it. */
export function wholeLog(file: string): Verified {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  const verified = examined(file);
  const { events, head, problems } = verified;
  // The writer leaves no position out. So this sees what dense revisions cannot: that the end of a stream is gone.
  const lost = events === head ? [] : [`it has ${events} events, but ${head} positions: events were removed`];
  refuse(`${file} is not whole`, [...problems, ...lost]);
  return verified;
}

function examined(file: string): Verified {
  try {
    return verify(file);
  } catch (error) {
    throw new Error(`${file} cannot be read as a log: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws when there are problems, and names them. */
export function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error([`${what}:`, ...problems].join('\n  '));
}

/** Opens the log for this process alone. Rejects with what to do when the service has it. */
export async function openAlone(file: string): Promise<SqliteEventStore> {
  try {
    return await SqliteEventStore.open({ file });
  } catch (error) {
    throw isLocked(error) ? new InUse(`the service runs on ${file}; stop it first`) : error;
  }
}

/** The service has the log. */
export class InUse extends Error {}

function isLocked(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } };
  return String(cause?.code).startsWith('SQLITE_BUSY');
}

/** Now, as part of a file's name. */
export function stamp(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, '');
}

/** One sentence a line. */
export function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
