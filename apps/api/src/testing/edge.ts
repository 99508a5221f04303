import { credentials, loadPackageDefinition, Metadata, type Client, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Type } from '@nestjs/common';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { LOADER_OPTIONS, protoFiles, readStatusDetails, type StatusDetails } from '@gatehouse/contracts';
import { readSettings, type Settings } from '@gatehouse/platform';
import { KeyRing, PLATFORM, type Who } from '../../../../test/support/keys';
import { start, type Running } from '../create-app';

export type Answer = { status: number; headers: Headers; body: Record<string, unknown>; text: string };
export type RpcAnswer = {
  code: number;
  message?: Record<string, unknown>;
  initial: Metadata;
  trailing?: Metadata;
  details?: StatusDetails;
};

type Unary = (
  message: object,
  metadata: Metadata,
  callback: (error: ServiceError | null, value?: object) => void,
) => {
  on(event: 'metadata', listener: (metadata: Metadata) => void): void;
};
type Stream = AsyncIterable<Record<string, unknown>> & {
  cancel(): void;
  pause(): void;
  on(event: 'error', listener: () => void): void;
};
type Registry = Client & Record<string, Unary & ((message: object, metadata: Metadata) => Stream)>;

type Service = new (address: string, how: object) => Registry;
type Loaded = { v1: Record<ServiceName, Service> };
type ServiceName = 'Registry' | 'Policies' | 'Access' | 'Tenants';

/** Where the methods are that are not of the registry. */
const SERVED_BY: readonly (readonly [RegExp, ServiceName])[] = [
  [/Polic/, 'Policies'],
  [/^(IssueKey|ListKeys|RevokeKey|GrantRole|ListGrants|WithdrawGrant|GetMe|ReplayAccess)$/, 'Access'],
  [/Tenants?$/, 'Tenants'],
];

const TICK_MS = 25;

/** What a caller who is not named may do in a test: they are somebody then. */
const READS = /^(Get|List)/;

/** The service, in this process, on free ports and a folder of its own; with a client for each door. */
export class Edge {
  private constructor(
    readonly running: Running,
    readonly folder: string,
    private readonly clients: Readonly<Record<ServiceName, Registry>>,
    readonly keys: KeyRing,
  ) {}

  static async open(
    settings: Partial<Settings> = {},
    module?: Type,
    how = credentials.createInsecure(),
    log = pino({ level: 'silent' }),
  ): Promise<Edge> {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-edge-'));
    const read = readSettings({
      GATEHOUSE_HTTP: '127.0.0.1:0',
      GATEHOUSE_GRPC: '127.0.0.1:0',
      GATEHOUSE_DATA: folder,
      GATEHOUSE_PLATFORM_KEY_HASH: PLATFORM.hash,
    });
    const running = await start({ ...read, ...settings }, log, module);
    const types = loadPackageDefinition(loadSync(protoFiles().gatehouse, LOADER_OPTIONS));
    // proto-loader types what it loads as "anything there can be"; this is what there is in our file.
    const { v1 } = types['gatehouse'] as unknown as Loaded;
    const client = (name: ServiceName) => new v1[name](running.grpc, how);
    const keys = KeyRing.of(`${running.tls ? 'https' : 'http'}://${running.http}`, settings.data ?? folder);
    const clients = {
      Registry: client('Registry'),
      Policies: client('Policies'),
      Access: client('Access'),
      Tenants: client('Tenants'),
    };
    return new Edge(running, folder, clients, keys);
  }

  /** The client of the registry, to be closed by whoever stops the service by hand. */
  get registry(): Registry {
    return this.clients.Registry;
  }

  async close(): Promise<void> {
    for (const client of Object.values(this.clients)) client.close();
    await this.running.stop(1_000);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async http(path: string, init: RequestInit = {}): Promise<Answer> {
    const { method = 'GET' } = init;
    const named = Object.fromEntries(new Headers(init.headers));
    const headers = await this.keys.translated(named, method !== 'GET' && method !== 'HEAD');
    const response = await fetch(`http://${this.running.http}${path}`, { ...init, headers });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') ?? false;
    const body = json && text !== '' && !text.includes('\n') ? (JSON.parse(text) as Answer['body']) : {};
    return { status: response.status, headers: response.headers, body, text };
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.http(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'gatehouse-actor': 'ci',
        'gatehouse-actor-kind': 'service',
        ...headers,
      },
      body: text,
    });
  }

  /** Bytes on the wire, as they are; answers all that comes until the server hangs up or nothing comes for a while. */
  raw(bytes: string | Buffer, quietMs = 300): Promise<string> {
    return new Promise((resolve) => {
      const [host, port] = this.running.http.split(':');
      const socket = connect(Number(port), host);
      let answer = '';
      // Counted in ticks: a machine that stands still for a while is not a door that is quiet.
      let left = 3_000;
      const ticks = setInterval(() => (left -= TICK_MS) <= 0 && socket.destroy(), TICK_MS);
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
        left = quietMs;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(ticks);
        resolve(answer);
      });
      socket.write(bytes);
    });
  }

  async rpc(method: string, message: object, metadata: Record<string, string> = {}): Promise<RpcAnswer> {
    const sent = metadataOf(await this.keys.translated(metadata, !READS.test(method)));
    return new Promise((resolve) => {
      let initial = new Metadata();
      const client = this.clientOf(method);
      const call = client[method]!(message, sent, (error, value) =>
        resolve(
          error ? refused(error, initial) : { code: 0, message: value as Record<string, unknown>, initial },
        ),
      );
      call.on('metadata', (metadata) => (initial = metadata));
    });
  }

  private clientOf(method: string): Registry {
    const [, service] = SERVED_BY.find(([methods]) => methods.test(method)) ?? [null, 'Registry' as const];
    return this.clients[service];
  }

  async stream(method: string, message: object, metadata: Record<string, string> = {}): Promise<Stream> {
    const sent = metadataOf(await this.keys.translated(metadata, false));
    return this.clientOf(method)[method]!(message, sent);
  }

  /** A model with versions that went live one after the other, as on a good day. */
  async promoted(model: string, versions: number, tenant = 'default'): Promise<void> {
    for (let n = 1; n <= versions; n++) {
      const at = `/v1/models/${model}/versions`;
      const as = (actor: string) => ({
        'gatehouse-actor': actor,
        'gatehouse-actor-kind': 'user',
        'gatehouse-tenant': tenant,
      });
      const evaluation = {
        suite: 's',
        dataset: { name: 'd' },
        metrics: { f1: 0.9 },
        thresholds: { f1: { min: 0.8 } },
      };
      await created(
        this.post(at, { label: `${n}.0`, changelog: `the ${n}.`, manifest: { config: { n } } }, as('ci')),
      );
      await created(this.post(`${at}/${n}/evaluations`, evaluation, as('ci')));
      await created(this.post(`${at}/${n}/approvals`, { decision: 'approve' }, as('ann')));
      await created(this.post(`${at}/${n}/promotion`, { note: `go ${n}` }, as('bob')));
    }
    await this.http(`/v1/models/${model}/live`, { headers: { 'gatehouse-at-least': await this.head() } });
  }

  /** The header that somebody calls with, for what does not go through here. */
  async as(who: Who = {}): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.keys.key(who)}` };
  }

  async head(): Promise<string> {
    return String((await this.http('/v1/log')).body['position']);
  }
}

/** What a refusal says, over gRPC. */
function refused(error: ServiceError, initial: Metadata): RpcAnswer {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  return {
    code: error.code,
    initial,
    trailing: error.metadata,
    details: bytes === undefined ? undefined : readStatusDetails(bytes as Buffer),
  };
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}

async function created(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  if (status >= 300) throw new Error(`${status}: ${text}`);
}
