import 'reflect-metadata';
import { join } from 'node:path';
import {
  openLog,
  readSettings,
  SettingWrong,
  StoreState,
  unknownSettings,
  type OpenLog,
  type Settings,
} from '@gatehouse/platform';
import { FirstStart } from './access/first-start';
import { start, type Running } from './create-app';

const GRACE_MS = 9_000;
// Said at every start: somebody may have forgotten that they allowed it.
const EXPOSED =
  'WARNING:     no TLS beyond loopback (GATEHOUSE_PLAINTEXT=allow): credentials can be read on the way.';

async function main(): Promise<void> {
  const settings = settingsOrExit();
  const { log, flush } = openLog(settings.logLevel);
  const die = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what);
    flush();
    process.stderr.write(`gatehouse: ${what}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', die('an unexpected error'));
  process.on('unhandledRejection', die('an unexpected error'));
  for (const name of unknownSettings(process.env))
    log.warn({ setting: name }, 'a setting that nobody knows: is it misspelt?');
  try {
    await run(settings, { log, flush }, die);
  } catch (error) {
    die('cannot start')(error);
  }
}

async function run(
  settings: Settings,
  { log, flush }: OpenLog,
  die: (what: string) => (error: unknown) => void,
): Promise<void> {
  const running = await start(settings, log);
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
  void running.app.get(StoreState).failed.then(die('the event store has failed'));
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  flush();
  const { adminKeyFile } = running.app.get(FirstStart, { strict: false });
  process.stdout.write(banner(running, join(settings.data, 'admin.key'), adminKeyFile !== undefined));
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingWrong)) throw error;
    process.stderr.write(`gatehouse: ${error.message}\n`);
    process.exit(1);
  }
}

function banner({ http, grpc, tls, exposed }: Running, keyFile: string, isNew: boolean): string {
  const url = `${tls ? 'https' : 'http'}://${http}`;
  return [
    '',
    ...(isNew ? [`Admin key:   ${keyFile}  (made just now, and kept nowhere else)`] : []),
    `API docs:    ${url}/docs  (OpenAPI at /openapi.json, gRPC reflection is on)`,
    `First call:  curl -H "Authorization: Bearer $(cat ${keyFile})" ${url}/v1/models`,
    ...(tls ? ['Both doors speak TLS.'] : []),
    ...(exposed ? [EXPOSED] : []),
    `gatehouse http listening on ${tls ? url : http}`,
    `gatehouse grpc listening on ${grpc}`,
    '',
  ].join('\n');
}

void main();
