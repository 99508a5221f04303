import { openLog, type OpenLog } from './logging';
import { refuseModuleThatAborts } from './native-module';
import { readSettings, SettingWrong, unknownSettings, type Settings } from './settings';

/** A service that has started. */
export type RunningService = {
  /** What it prints last: where it listens. */
  readonly banner: string;
  /** Resolves when it can go on no longer; never rejects. */
  readonly failed: Promise<Error>;
  /** Finishes what is in flight, at most for so long; then closes everything. */
  stop(graceMs: number): Promise<void>;
};

type Start = (settings: Settings, log: OpenLog['log']) => Promise<RunningService>;
type Die = (what: string) => (error: unknown) => void;

const GRACE_MS = 9_000;
/** For what is in flight when the log has failed: an append whose outcome is not known is tried again for 0.75 s. */
const LAST_ANSWERS_MS = 1_500;

/**
 * The life of a process: settings, log, start, a stop on SIGTERM or SIGINT that ends with exit code 0 within 10 s. Whatever goes wrong
 * is one line on stderr, and exit code 1. What `start` throws as `SettingWrong` is for the operator, and says so without a stack.
 */
export async function runService(start: Start): Promise<void> {
  const settings = settingsOrExit();
  const open = openLog(settings.logLevel);
  const die = dying(open);
  process.on('uncaughtException', die('an unexpected error'));
  process.on('unhandledRejection', die('an unexpected error'));
  for (const name of unknownSettings(process.env))
    open.log.warn({ setting: name }, 'a setting that nobody knows: is it misspelt?');
  try {
    refuseModuleThatAborts();
    run(await start(settings, open.log), open, die);
  } catch (error) {
    if (error instanceof SettingWrong) refuse(error);
    die('cannot start')(error);
  }
}

function run(running: RunningService, { log, flush }: OpenLog, die: Die): void {
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(
      () => die('did not stop in time')(new Error(`${GRACE_MS} ms were not enough`)),
      GRACE_MS + 500,
    ).unref();
    running.stop(GRACE_MS - 1_000).then(() => process.exit(0), die('did not stop cleanly'));
  };
  void running.failed.then((error) => {
    const end = () => die('the event store has failed')(error);
    stopping = true;
    log.error({ err: error }, 'the event store has failed: answering what is in flight');
    // Reads go on meanwhile: the doors stay open.
    setTimeout(end, LAST_ANSWERS_MS);
  });
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  flush();
  process.stdout.write(running.banner);
}

function dying({ log, flush }: OpenLog): Die {
  return (what) => (error) => {
    log.fatal({ err: error }, what);
    flush();
    process.stderr.write(`gatehouse: ${what}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  };
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingWrong)) throw error;
    return refuse(error);
  }
}

function refuse(error: SettingWrong): never {
  process.stderr.write(`gatehouse: ${error.message}\n`);
  process.exit(1);
}
