import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kafkaJars } from './jars';

const STARTED_WITHIN_MS = 90_000;
const JAVA = ['-Xmx384m', '-XX:+UseSerialGC', '-Dlog4j2.disable.jmx=true'];
/** Of the processor time that a broker takes to start, its second compiler is a third: 1.1 s of 3.2. */
const ONE_COMPILER = '-XX:TieredStopAtLevel=1';

/** Properties of a broker that nobody kills: however busy the machine is, it does not lose its place. */
export const STEADY = { 'broker.session.timeout.ms': '18000' };

export type BrokerOptions = {
  /** Where it listens; a free port otherwise. */
  readonly port?: number;
  /** A folder for its log, which must not be there yet; one with a name of its own otherwise. */
  readonly folder?: string;
  /** Listeners beside the one in clear text, by name. */
  readonly listeners?: { readonly [name: string]: { readonly port: number; readonly protocol: string } };
  /** Passwords of those who may log in by SCRAM, by name. */
  readonly users?: { readonly [name: string]: string };
  /** It is measured, so it is compiled as in production, though it starts later. */
  readonly measured?: boolean;
  /** Lines of server.properties, over ours. */
  readonly properties?: { readonly [name: string]: string };
};

/** Apache Kafka itself: one node, with a log folder of its own that lasts until `stop`. Ends with the process that started it, however that ends. */
export type Broker = {
  readonly address: string;
  readonly pid: number;
  /** SIGKILL; the log folder stays for `restart`. */
  kill(): Promise<void>;
  /** SIGSTOP: it is there and does not answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Ends it if it runs; then starts it again at the same address, on what is in its log folder. */
  restart(): Promise<void>;
  /** Ends it, and removes its log folder. */
  stop(): Promise<void>;
};

/** Starts a broker of the caller's own, to do with as it likes. Where any broker will do, `sharedBroker` is quicker. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const jars = await kafkaJars();
  const { folder = await mkdtemp(join(tmpdir(), 'gatehouse-kafka-')) } = options;
  await mkdir(folder, { recursive: options.folder === undefined });
  const port = options.port ?? (await freePort());
  await writeFile(join(folder, 'server.properties'), await properties(folder, port, options));
  await format(jars, folder, options.users);
  const start = () => launch(jars, folder, options.measured ? JAVA : [...JAVA, ONE_COMPILER]);
  let running = await start();
  const kill = async () => {
    await running.end();
  };
  return {
    address: `127.0.0.1:${port}`,
    get pid() {
      return running.java.pid!;
    },
    kill,
    pause: () => void running.java.kill('SIGSTOP'),
    resume: () => void running.java.kill('SIGCONT'),
    restart: async () => {
      await kill();
      running = await start();
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Of 17,000 ports each process of jest has a thousand to choose from, and chooses none twice. */
const FIRST = 15_000 + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 17) * 1_000;
const given = new Set<number>();

/** A port that nobody listens on, below those that outgoing connections take: it is still free after a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + randomInt(1_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    await new Promise((closed) => server.close(closed));
    if (free) return port;
  }
}

async function properties(
  folder: string,
  port: number,
  { listeners = {}, properties: more }: BrokerOptions,
): Promise<string> {
  const others = Object.entries(listeners);
  const also = others.map(([name, at]) => `,${name}://127.0.0.1:${at.port}`).join('');
  const protocols = others.map(([name, { protocol }]) => `,${name}:${protocol}`).join('');
  const controller = await freePort();
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${also}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${port}${also}`,
    'listener.security.protocol.map': `CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}`,
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'log'),
    'auto.create.topics.enable': 'false',
    // What it keeps for itself is small and has one copy.
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'log.cleaner.dedupe.buffer.size': '8388608',
    'num.io.threads': '4',
    // A killed broker may come back at once, not when its former self has timed out; `STEADY` is for one that is not killed.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    ...more,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function format(jars: string, folder: string, users: BrokerOptions['users'] = {}): Promise<void> {
  const id = randomBytes(16).toString('base64url');
  const config = join(folder, 'server.properties');
  // In one word: an id may begin with a dash.
  const what = ['format', `--cluster-id=${id}`, '-c', config];
  const args = ['-cp', `${jars}/*`, ...JAVA, ONE_COMPILER, 'kafka.tools.StorageTool', ...what];
  for (const [name, password] of Object.entries(users))
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'])
      args.push('--add-scram', `${mechanism}=[name=${name},password=${password}]`);
  await promisify(execFile)('java', args);
}

type Running = { readonly java: ChildProcess; end(): Promise<void> };

async function launch(jars: string, folder: string, flags: readonly string[]): Promise<Running> {
  const log = join(folder, 'broker.log');
  const output = openSync(log, 'w');
  const logging = `-Dlog4j2.configurationFile=${join(__dirname, 'log4j2.properties')}`;
  const java = spawn(
    'java',
    ['-cp', `${jars}/*`, ...flags, logging, 'kafka.Kafka', join(folder, 'server.properties')],
    { stdio: ['ignore', output, output] },
  );
  closeSync(output);
  const closed = once(java, 'close');
  const watch = watchdog(java.pid!, folder);
  // A broker that nobody stops keeps nobody's process alive.
  java.unref();
  const end = async () => {
    java.ref();
    java.kill('SIGKILL');
    await closed;
    watch.stdin?.end('ended\n');
  };
  const deadline = Date.now() + STARTED_WITHIN_MS;
  for (;;) {
    const said = await readFile(log, 'utf8');
    if (said.includes('Kafka Server started')) return { java, end };
    if (java.exitCode !== null || java.signalCode !== null || Date.now() > deadline) {
      await end();
      throw new Error(`Apache Kafka did not start:\n${said.slice(-4000)}`);
    }
    await sleep(50);
  }
}

/**
 * Ends the broker and removes its folder when this process is gone, however it went: then its standard input closes
 * without a word. A group of its own, so that no Ctrl-C reaches it first.
 */
function watchdog(pid: number, folder: string): ChildProcess {
  const script = 'read -r said || { kill -9 "$1"; sleep 1; rm -rf "$2"; }';
  const child = spawn('sh', ['-c', script, 'sh', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.stdin?.on('error', () => {});
  child.unref();
  // A pipe is a socket to node, and would keep the process alive.
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
