import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { listensAt, PLATFORM } from './keys';

const ROOT = join(__dirname, '../..');
const MAIN = join(ROOT, 'dist/apps/api/src/main.js');
const WORKER = join(ROOT, 'dist/apps/worker/src/main.js');
const OUTPUT_KEPT = 200_000;

/** How a process ended, and what it had to say. */
export type Ended = { code: number | null; signal: NodeJS.Signals | null; output: string };

/** A running service: where it listens, and how to end it. */
export type Service = {
  readonly http: string;
  readonly grpc: string;
  readonly pid: number;
  /** From the start of the process to its last "listening on" line. */
  readonly startedInMs: number;
  readonly ended: Promise<Ended>;
  running(): boolean;
  output(): string;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
  /** SIGKILL: nothing of the process gets a chance to tidy up. */
  kill(): Promise<Ended>;
};

/** A running worker. It has one door, for the machines that watch it. */
export type Worker = Omit<Service, 'grpc'>;

export type Settings = { readonly [name: `GATEHOUSE_${string}`]: string };

/** For measurements: as many requests as there can be, with one credential. */
export const UNLIMITED: Settings = { GATEHOUSE_LIMIT_KEY_RPS: '0', GATEHOUSE_LIMIT_TENANT_RPS: '0' };

type Process = { child: ChildProcess; output: () => string; ended: Promise<Ended> };

/** Runs the built service, as plain `node`, on free ports unless the settings say otherwise; ready when both doors listen. */
export async function startService(settings: Settings, keysOf?: string, program = MAIN): Promise<Service> {
  const began = performance.now();
  const process = launch(program, {
    GATEHOUSE_HTTP: '127.0.0.1:0',
    GATEHOUSE_GRPC: '127.0.0.1:0',
    GATEHOUSE_LOG_LEVEL: 'warn',
    GATEHOUSE_PLATFORM_KEY_HASH: PLATFORM.hash,
    ...settings,
  });
  const [http, grpc] = await listening(process, ['http', 'grpc']);
  if (settings.GATEHOUSE_DATA !== undefined) listensAt(settings.GATEHOUSE_DATA, http!, grpc!, keysOf);
  return { ...running(process, http!, began), grpc: grpc! };
}

/** Runs the built worker, in the same way. */
export async function startWorker(settings: Settings): Promise<Worker> {
  const began = performance.now();
  const process = launch(WORKER, {
    GATEHOUSE_HTTP: '127.0.0.1:0',
    GATEHOUSE_LOG_LEVEL: 'warn',
    ...settings,
  });
  const [http] = await listening(process, ['worker http']);
  return running(process, http!, began);
}

/** Runs the built service where it should not start; kills it after the time given, which shows as a signal. */
export async function runToEnd(settings: Settings, withinMs = 60_000): Promise<Ended> {
  return endOf(
    launch(MAIN, { GATEHOUSE_HTTP: '127.0.0.1:0', GATEHOUSE_GRPC: '127.0.0.1:0', ...settings }),
    withinMs,
  );
}

/** The same with the worker. */
export async function runWorkerToEnd(settings: Settings, withinMs = 60_000): Promise<Ended> {
  return endOf(launch(WORKER, { GATEHOUSE_HTTP: '127.0.0.1:0', ...settings }), withinMs);
}

async function endOf(process: Process, withinMs: number): Promise<Ended> {
  const timer = setTimeout(() => process.child.kill('SIGKILL'), withinMs);
  const ended = await process.ended;
  clearTimeout(timer);
  return ended;
}

function running(process: Process, http: string, began: number): Worker {
  const end = (signal: NodeJS.Signals) => (process.child.kill(signal), process.ended);
  return {
    http: `http://${http}`,
    pid: process.child.pid!,
    startedInMs: performance.now() - began,
    ended: process.ended,
    running: () => process.child.exitCode === null && process.child.signalCode === null,
    output: process.output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function launch(program: string, settings: Settings): Process {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
  // What is the tests' own: NODE_OPTIONS loads TypeScript, NODE_ENV makes kafkajs give up sooner; what runs here has its settings only.
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|NODE_ENV$|GATEHOUSE_)/.test(name)),
  );
  const child = spawn(process.execPath, [program], {
    cwd: ROOT,
    env: { ...inherited, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: Buffer) => (output = (output + text.toString()).slice(-OUTPUT_KEPT));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'close').then(([code, signal]: (Ended['code'] | Ended['signal'])[]) => ({
    code: code as Ended['code'],
    signal: signal as Ended['signal'],
    output,
  }));
  return { child, output: () => output, ended };
}

/** Where each of its doors listens, without a scheme. */
function listening({ child, output, ended }: Process, doors: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const said = doors.flatMap(
        (door) =>
          new RegExp(`^gatehouse ${door} listening on (?:\\w+://)?(\\S+)\\n`, 'm').exec(output())?.[1] ?? [],
      );
      if (said.length < doors.length) return;
      child.stdout?.off('data', look);
      resolve(said);
    };
    child.stdout?.on('data', look);
    void ended.then((e) =>
      reject(new Error(`the service ended (${e.code ?? e.signal}) before it listened:\n${e.output}`)),
    );
  });
}
