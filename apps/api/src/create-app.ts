import type { ServerCredentials } from '@grpc/grpc-js';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthImplementation } from 'grpc-health-check';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  accessLog,
  followCertificate,
  isLoopback,
  NestLog,
  Metrics,
  PlatformModule,
  SettingWrong,
  Stopping,
  ViewsModule,
  type Address,
  type OpenLog,
  type Settings,
} from '@gatehouse/platform';
import { AppModule } from './app.module';
import { serveDocs } from './docs';
import { failureOf } from './grpc-failure';
import { grpcCredentials, ReplaceableCertificate } from './grpc-certificate';
import { GrpcServer } from './grpc-server';
import { httpAdapter, shapeHttp } from './http';
import { ProblemFilter } from './problem.filter';
import { loadProtos } from './protos';
import { Routes } from './routes';

/** What the health service tells of; '' is all of it. */
const SERVICES = [
  '',
  'gatehouse.v1.Registry',
  'gatehouse.v1.Policies',
  'gatehouse.v1.Access',
  'gatehouse.v1.Tenants',
];

/** A service that listens on both doors. */
export type Running = {
  readonly app: NestFastifyApplication;
  readonly http: string;
  readonly grpc: string;
  /** Whether both doors speak TLS. */
  readonly tls: boolean;
  /** Whether credentials can be read on the way to us. */
  readonly exposed: boolean;
  /** Finishes what is in flight, at most for so long; then closes everything. */
  stop(graceMs?: number): Promise<void>;
};

/** Everything but listening: what the tests of a door and the generator of `openapi.json` build on. */
export async function createApp(
  settings: Settings,
  log: OpenLog['log'],
  module: Type = AppModule,
): Promise<NestFastifyApplication> {
  const adapter = httpAdapter(settings);
  const root = { module, imports: [PlatformModule.with(settings, log), ViewsModule] };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  shapeHttp(app.getHttpAdapter().getInstance(), {
    settings,
    log,
    metrics: app.get(Metrics),
    stopping: app.get(Stopping),
    routes: app.get(Routes),
  });
  serveDocs(app);
  return app;
}

/** Opens both doors; closes everything again if one of them does not open. */
export async function start(settings: Settings, log: OpenLog['log'], module?: Type): Promise<Running> {
  const app = await createApp(settings, log, module);
  try {
    return await listen(app, settings, log);
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(
  app: NestFastifyApplication,
  settings: Settings,
  log: OpenLog['log'],
): Promise<Running> {
  const health = new HealthImplementation(Object.fromEntries(SERVICES.map((name) => [name, 'SERVING'])));
  const credentials = grpcCredentials(settings);
  const grpc = grpcServer(app, settings, log, health, credentials);
  const stopped = new AbortController();
  app.connectMicroservice({ strategy: grpc }, { inheritAppConfig: true });
  const host = hostOf(settings);
  await naming('GATEHOUSE_GRPC', settings.grpc, () => app.startAllMicroservices());
  await naming('GATEHOUSE_HTTP', settings.http, () => app.listen(settings.http.port, host));
  const { port } = app.getHttpServer().address() as AddressInfo;
  const following = certificates(app, settings, log, credentials, stopped.signal);
  return {
    app,
    http: `${bracketed(settings.http.host)}:${port}`,
    grpc: `${bracketed(settings.grpc.host)}:${grpc.port}`,
    tls: settings.tls !== undefined,
    exposed: isExposed(settings),
    stop: async (graceMs = 9_000) => {
      stopped.abort();
      await Promise.all([following, stop(app, grpc, health, graceMs)]);
    },
  };
}

/** Keeps both doors on the certificate that is in the files. */
async function certificates(
  app: NestFastifyApplication,
  { tls }: Settings,
  log: OpenLog['log'],
  credentials: ServerCredentials,
  signal: AbortSignal,
): Promise<void> {
  if (tls === undefined || !(credentials instanceof ReplaceableCertificate)) return;
  // Fastify was told to make a server of this kind.
  const https = app.getHttpServer() as Server;
  await followCertificate(tls, {
    signal,
    log,
    use: (context) => {
      https.setSecureContext(context);
      credentials.replace(context);
    },
  });
}

/** Fastify opens a second server for localhost, which would keep its first certificate: so with TLS there is one only. */
function hostOf({ http: { host }, tls }: Settings): string {
  return tls !== undefined && host === 'localhost' ? '127.0.0.1' : host;
}

/** Without TLS beyond loopback. */
function isExposed({ tls, http, grpc }: Settings): boolean {
  return tls === undefined && !(isLoopback(http.host) && isLoopback(grpc.host));
}

/** An address that cannot be listened on is a setting that is wrong. */
async function naming(name: string, { host, port }: Address, open: () => Promise<unknown>): Promise<void> {
  try {
    await open();
  } catch (error) {
    const { message } = error as Error;
    if (!/EADDRINUSE|EADDRNOTAVAIL|EACCES|address/i.test(message)) throw error;
    throw new SettingWrong(`${name} cannot be ${bracketed(host)}:${port}: ${message}`);
  }
}

function grpcServer(
  app: NestFastifyApplication,
  settings: Settings,
  log: OpenLog['log'],
  health: HealthImplementation,
  credentials: ServerCredentials,
): GrpcServer {
  const filter = app.get(ProblemFilter);
  const metrics = app.get(Metrics);
  const write = accessLog(log);
  return new GrpcServer({
    settings,
    health,
    stopping: app.get(Stopping),
    protos: loadProtos(),
    credentials,
    failure: (error, context) => failureOf(filter.counted(error, context), context.requestId),
    finished: (path, code, context) => {
      const ms = performance.now() - context.startedAt;
      metrics.request('grpc', path, code, ms);
      write(context, 'RPC', path, code, ms);
    },
  });
}

async function stop(
  app: NestFastifyApplication,
  grpc: GrpcServer,
  health: HealthImplementation,
  graceMs: number,
): Promise<void> {
  for (const name of SERVICES) health.setStatus(name, 'NOT_SERVING');
  app.get(Stopping).begin();
  const cut = setTimeout(() => {
    grpc.cut();
    app.getHttpServer().closeAllConnections();
  }, graceMs);
  await app.close();
  clearTimeout(cut);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
