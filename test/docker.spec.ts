import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readSettings, SETTINGS, unknownSettings } from '@gatehouse/platform';
import { parse } from 'yaml';
import { EsdbProcess } from '../libs/event-store/src/eventstoredb/testing';
import { sharedBroker } from './kafka/shared-broker';
import { startService, startWorker, type Service, type Settings, type Worker } from './support/service';

// There is no container engine to try them with: what they say is compared with what there is.
const ROOT = join(__dirname, '..');
const DOCKER = join(ROOT, 'docker');
const read = (file: string) => readFileSync(join(DOCKER, file), 'utf8');

type Part = {
  image?: string;
  build?: { context: string; dockerfile: string };
  network_mode?: string;
  ports?: string[];
  command?: string[];
  depends_on?: string[];
  volumes?: string[];
  environment?: { [name: string]: string | number };
};
type Compose = { services: { [name: string]: Part }; volumes: object };
type Rules = { groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[] };
type Panel = { type: string; datasource?: { uid: string }; targets?: { expr: string }[] };

const compose = (file: string) => parse(read(file), { merge: true }) as Compose;
const single = compose('compose.yaml');
const cluster = compose('compose.cluster.yaml');
const alerts = (parse(read('alerts.yml')) as Rules).groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(read('grafana/dashboards/gatehouse.json')) as { panels: Panel[] };

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-docker-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ours = ({ services }: Compose) =>
  Object.entries(services).filter(([, { image }]) => image === 'gatehouse');
const isWorker = ({ command }: Part) => command?.at(-1)?.includes('/worker/') ?? false;
/** As the process would get it. */
const environmentOf = ({ environment = {} }: Part) => {
  const given = Object.entries(environment).map(([name, value]) => [
    name,
    String(value).replace(/\$\{\w+:\?[^}]*\}/, 'what the operator exported'),
  ]);
  return { GATEHOUSE_DATA: join(folder, 'data'), ...Object.fromEntries(given) } as NodeJS.ProcessEnv;
};
const settingsOf = (part: Part) => readSettings(environmentOf(part));
/** Lines of the Dockerfile, continued ones joined, comments gone. */
const instructions = read('Dockerfile')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const instruction = (name: string) => instructions.filter((line) => line.startsWith(`${name} `));
const arrayOf = (line: string) => JSON.parse(line.slice(line.indexOf('['))) as string[];

describe('the image', () => {
  it('runs what the build writes, and compose runs what is in it', () => {
    const programs = [
      arrayOf(instruction('CMD').at(-1)!),
      ...ours(cluster).flatMap(([, { command }]) => (command ? [command] : [])),
    ];
    expect(programs).toHaveLength(3);
    for (const [node, file] of programs) {
      expect(node).toBe('node');
      expect(existsSync(join(ROOT, file!))).toBe(true);
    }
  });

  it('is built of files that are there and that .dockerignore lets through', () => {
    const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/(?<=^!).*$/gm)!;
    const copied = instruction('COPY')
      .filter((line) => !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.sort()).toEqual(allowed.sort());
    for (const file of copied) expect(existsSync(join(ROOT, file))).toBe(true);
  });

  it('has what is read at run time where it is looked for', () => {
    const kept = instruction('COPY').filter((line) => line.includes('--from=build'));
    const paths = kept.map((line) => line.split(' ').at(-2)!.replace('/app/', ''));
    expect(paths).toEqual(['package.json', 'node_modules', 'libs/contracts', 'dist']);
    const [, check] = arrayOf(instruction('HEALTHCHECK')[0]!);
    expect(instruction('COPY').at(-1)).toBe(`COPY ${check} ./${dirname(check!)}/`);
  });

  it('is not root', () => {
    expect(instruction('USER')).toEqual(['USER node']);
  });

  it('builds and runs with the releases of Node 24 that the tests use', () => {
    const script = readFileSync(join(ROOT, '.ci/node24'), 'utf8');
    const pinned = (name: string) => new RegExp(`^${name}=(24\\.\\d+\\.\\d+)$`, 'm').exec(script)?.[1];
    expect(instruction('FROM')).toEqual([
      `FROM node:${pinned('headers')}-bookworm AS build`,
      `FROM node:${pinned('version')}-bookworm-slim`,
    ]);
  });

  describe('is healthy while it answers, and not when it has ended:', () => {
    const tls = { GATEHOUSE_TLS_CERT: join(folder, 'tls.crt'), GATEHOUSE_TLS_KEY: join(folder, 'tls.key') };
    let server: EsdbProcess;
    beforeAll(async () => {
      server = await EsdbProcess.start();
      const made = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-subj',
        '/CN=api',
      ];
      const files = ['-keyout', tls.GATEHOUSE_TLS_KEY, '-out', tls.GATEHOUSE_TLS_CERT];
      execFileSync('openssl', ['req', '-x509', ...made, ...files], { stdio: 'ignore' });
    }, 60_000);
    afterAll(() => server?.stop());

    const worker = () => ({
      GATEHOUSE_EVENT_STORE: server.connectionString,
      // Nobody is there, which makes no process unhealthy.
      GATEHOUSE_KAFKA: '127.0.0.1:1',
    });
    const programs: [string, (settings: Settings) => Promise<Worker>, () => Settings][] = [
      ['api', startService, () => ({})],
      ['api with TLS', startService, () => tls],
      ['worker', startWorker, worker],
      ['worker in the environment of an api with TLS', startWorker, () => ({ ...worker(), ...tls })],
    ];
    it.each(programs)('%s', async (name, start, more) => {
      const [node, ...args] = arrayOf(instruction('HEALTHCHECK')[0]!);
      expect(node).toBe('node');
      const settings: Settings = { GATEHOUSE_DATA: join(folder, `health of ${name}`), ...more() };
      const program = await start(settings);
      const check = () =>
        promisify(execFile)(process.execPath, args, {
          cwd: ROOT,
          env: { ...settings, GATEHOUSE_HTTP: program.http.replace('http://', '') },
        }).then(
          () => 0,
          (error: { code: number }) => error.code,
        );
      const answers = await check().finally(() => program.stop());
      expect([answers, await check()]).toEqual([0, 1]);
    });
  });
});

describe.each([
  ['compose.yaml', single],
  ['compose.cluster.yaml', cluster],
])('%s', (_, file) => {
  const services = Object.entries(file.services);

  it('has a service for each name it mentions, a volume for each, and files that are there', () => {
    for (const [, { depends_on = [], network_mode = '', volumes = [], image }] of services) {
      expect(image).toBeDefined();
      const named = [...depends_on, ...(/(?<=^service:).*/.exec(network_mode) ?? [])];
      for (const name of named) expect(file.services).toHaveProperty([name]);
      for (const source of volumes.map((volume) => volume.split(':')[0]!))
        if (source.startsWith('.')) expect(existsSync(join(DOCKER, source))).toBe(true);
        else expect(file.volumes).toHaveProperty([source]);
    }
  });

  it('gives our processes settings that there are, with values that they take', () => {
    expect(ours(file).length).toBeGreaterThan(0);
    for (const [, part] of ours(file)) {
      expect(unknownSettings(environmentOf(part))).toEqual([]);
      expect(() => settingsOf(part)).not.toThrow();
      expect(existsSync(join(DOCKER, part.build!.context, part.build!.dockerfile))).toBe(true);
    }
  });

  it('publishes nothing beyond the loopback of the host', () => {
    for (const port of services.flatMap(([, { ports = [] }]) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  });
});

describe('one service', () => {
  it('listens where the documentation says, on the loopback of the host', () => {
    const { api } = single.services;
    expect(api!.network_mode).toBe('host');
    expect(api!.environment).toEqual({
      GATEHOUSE_HTTP: SETTINGS.http.default,
      GATEHOUSE_GRPC: SETTINGS.grpc.default,
    });
    expect(api!.volumes).toEqual(['data:/data']);
    expect(instruction('ENV')[0]).toContain('GATEHOUSE_DATA=/data');
  });
});

describe('the cluster', () => {
  const all = ours(cluster).map(([name, part]) => ({ name, part, settings: settingsOf(part) }));
  const apis = all.filter(({ part }) => !isWorker(part));
  const http = (list: typeof all) => list.map(({ settings }) => `127.0.0.1:${settings.http.port}`);

  it('has two replicas and two workers, each on ports of its own in one network namespace', () => {
    expect(apis).toHaveLength(2);
    expect(all).toHaveLength(4);
    const ports = [
      ...all.map(({ settings }) => settings.http.port),
      ...apis.map(({ settings }) => settings.grpc.port),
    ];
    const proxy = read('nginx.conf')
      .match(/(?<=listen )\d+/g)!
      .map(Number);
    const prometheus = Number(
      /:(\d+)$/.exec(cluster.services['prometheus']!.command!.find((a) => a.includes('listen'))!)![1],
    );
    const taken = [...ports, ...proxy, prometheus];
    expect(new Set(taken).size).toBe(taken.length);
    for (const { part } of all) expect(part.network_mode).toBe('service:pod');
  });

  it('shares one log, one broker and one cursor secret', () => {
    const shared = all.map(({ part }) => {
      const { GATEHOUSE_HTTP: _http, GATEHOUSE_GRPC: _grpc, ...rest } = part.environment!;
      return JSON.stringify(rest);
    });
    expect(new Set(shared).size).toBe(1);
    expect(shared[0]).toContain('GATEHOUSE_CURSOR_SECRET');
  });

  it('is reached through a proxy that knows both replicas, on the documented ports', () => {
    const upstream = (name: string) =>
      [
        ...new RegExp(`upstream ${name} \\{([^}]*)\\}`)
          .exec(read('nginx.conf'))![1]!
          .matchAll(/server (\S+)/g),
      ].map(([, address]) => address);
    expect(upstream('http_api')).toEqual(http(apis));
    expect(upstream('grpc_api')).toEqual(apis.map(({ settings }) => `127.0.0.1:${settings.grpc.port}`));
    for (const setting of [SETTINGS.http, SETTINGS.grpc]) {
      expect(read('nginx.conf')).toContain(`listen ${setting.default!.split(':')[1]};`);
      expect(cluster.services['pod']!.ports!.join()).toContain(`${setting.default}:`);
    }
  });

  it('has no replica taken out for what one client asked for: 503 is also the answer to a position that no view has', () => {
    const proxy = read('nginx.conf');
    expect(proxy).toMatch(/proxy_next_upstream .*\bhttp_503\b/);
    const servers = proxy.match(/^ *server \d.*$/gm)!;
    expect(servers).toHaveLength(2 * apis.length);
    for (const server of servers) expect(server).toMatch(/ max_fails=0;$/);
  });

  it('is scraped in each of its processes, and Grafana asks the Prometheus that does', () => {
    type Scrape = {
      rule_files: string[];
      scrape_configs: {
        job_name: string;
        static_configs: { targets: string[]; labels: { role: string } }[];
      }[];
    };
    const { rule_files, scrape_configs } = parse(read('prometheus.yml')) as Scrape;
    const targets = scrape_configs[0]!.static_configs;
    expect(targets.find(({ labels }) => labels.role === 'api')!.targets).toEqual(http(apis));
    expect(targets.flatMap(({ targets }) => targets)).toEqual(http(all));
    expect(rule_files).toEqual(['alerts.yml']);
    const source = parse(read('grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string; url: string }[];
    };
    const [{ uid, url }] = source.datasources as [{ uid: string; url: string }];
    expect(new URL(url).hostname).toBe('pod');
    expect(cluster.services['prometheus']!.command).toContain(`--web.listen-address=:${new URL(url).port}`);
    for (const panel of dashboard.panels.filter(({ type }) => type !== 'row'))
      expect(panel.datasource!.uid).toBe(uid);
  });
});

describe('alerts and dashboard', () => {
  let service: Service;
  let known: Set<string>;
  let sampled: Set<string>;
  const expressions = [
    ...alerts.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];
  const namesIn = (expr: string) =>
    expr.replace(/\{[^}]*\}|"[^"]*"|\bby \([^)]*\)/g, '').match(/\b(gatehouse|process|nodejs)_\w+/g) ?? [];

  beforeAll(async () => {
    service = await startService({
      GATEHOUSE_DATA: join(folder, 'metrics'),
      GATEHOUSE_KAFKA: (await sharedBroker()).address,
      GATEHOUSE_KAFKA_PREFIX: `gh-${randomUUID()}`,
    });
    let text: string;
    // Of a fan-out that has delivered something: the first start writes into the log.
    const delivered = /^gatehouse_channel_position\S+ [1-9]/m;
    for (const end = Date.now() + 120_000; ; await sleep(100)) {
      text = await (await fetch(`${service.http}/metrics`)).text();
      if (delivered.test(text) || Date.now() > end) break;
    }
    known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    sampled = new Set([...text.matchAll(/^(\w+)[{ ]/gm)].map(([, name]) => name!));
  }, 180_000);
  afterAll(async () => void (await service.stop()));

  it('ask for metrics that there are', () => {
    const asked = new Set(expressions.flatMap(namesIn));
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !known.has(name))).toEqual([]);
  });

  it('watch the fan-out: how far each channel is, its last delivery, a relay that stopped or is nobody', () => {
    const asked = (among: readonly string[]) =>
      new Set(among.flatMap(namesIn).filter((name) => /_(channel|relay)_/.test(name)));
    const alerted = asked(alerts.map(({ expr }) => expr));
    for (const name of ['relay_stopped', 'relay_active', 'channel_failing', 'channel_behind_seconds'])
      expect(alerted).toContain(`gatehouse_${name}`);
    const shown = asked(expressions);
    for (const name of ['channel_lag', 'channel_last_delivery_timestamp_seconds'])
      expect(shown).toContain(`gatehouse_${name}`);
    // Events of models alone are messages: none was delivered yet.
    shown.delete('gatehouse_channel_last_delivery_timestamp_seconds');
    expect([...shown].filter((name) => !sampled.has(name))).toEqual([]);
  });

  it('say nothing of a relay where nothing is fanned out', async () => {
    const alone = await startService({ GATEHOUSE_DATA: join(folder, 'alone') });
    const text = await (await fetch(`${alone.http}/metrics`)).text();
    await alone.stop();
    expect(text).not.toMatch(/^gatehouse_(relay|channel)_/m);
  });

  it('have a name of their own each, and say what to do', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { annotations } of alerts) expect(annotations.summary.length).toBeGreaterThan(10);
  });
});

test('the script that makes Node 24 is one that bash reads', () => {
  execFileSync('bash', ['-n', join(ROOT, '.ci/node24')]);
});
