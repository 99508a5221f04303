import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import {
  NestLog,
  PlatformModule,
  SettingWrong,
  Stopping,
  StoreState,
  type OpenLog,
  type RunningService,
  type Settings,
} from '@gatehouse/platform';
import { WorkerModule } from './worker.module';

// Nobody sends it a body.
const BODY_LIMIT = 1_024;

/** Follows the log in a process of its own. Throws `SettingWrong` where the settings leave it nothing to do. */
export async function startWorker(settings: Settings, log: OpenLog['log']): Promise<RunningService> {
  refuseWithout(settings);
  const app = await create(settings, log);
  try {
    await app.listen(settings.http.port, settings.http.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    banner: `gatehouse worker http listening on ${addressOf(app)}\n`,
    failed: app.get(StoreState).failed,
    stop: (graceMs) => stop(app, graceMs),
  };
}

/** The relay reads a log that others write, and sends it to Kafka: without one of them a worker would only look busy. */
function refuseWithout({ eventStore, kafka }: Settings): void {
  if (eventStore === undefined)
    throw new SettingWrong(
      'GATEHOUSE_EVENT_STORE must be esdb://… for a worker: the embedded log belongs to one process, and there the api runs the relay itself',
    );
  if (kafka === undefined)
    throw new SettingWrong(
      'GATEHOUSE_KAFKA must name the brokers for a worker: it has nothing to relay to without them',
    );
}

async function create(settings: Settings, log: OpenLog['log']): Promise<NestFastifyApplication> {
  // Its one door is for the machines that watch it, and speaks no TLS.
  const { tls: _, ...plain } = settings;
  const root = { module: WorkerModule, imports: [PlatformModule.with(plain, log, true)] };
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, requestTimeout: settings.requestTimeoutMs });
  return NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLog(log),
    abortOnError: false,
  });
}

function addressOf(app: NestFastifyApplication): string {
  // A server that listens on TCP has an address of this kind.
  const { address, family, port } = app.getHttpServer().address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

async function stop(app: NestFastifyApplication, graceMs: number): Promise<void> {
  app.get(Stopping).begin();
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), graceMs);
  await app.close();
  clearTimeout(cut);
}
