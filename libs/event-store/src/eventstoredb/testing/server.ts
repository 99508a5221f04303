import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { Server } from '@grpc/grpc-js';
import { Access, type User } from './access';
import { appendHandler } from './append';
import { batchAppendHandler } from './batch-append';
import { deleteHandler, tombstoneHandler } from './delete';
import { featuresHandler, gossipHandler } from './discovery';
import { Door } from './door';
import { Faults } from './faults';
import type { InjectedEvent } from './injected';
import { EsdbLog, type LogOptions } from './log';
import { atLeast, type Member, type Node } from './node';
import { readHandler } from './read';
import type { LoggedEvent } from './record';

export interface EsdbServerOptions extends LogOptions {
  /** Another server's log, to be a further node in front of it. Default: a log of its own. */
  readonly log?: EsdbLog;
  /** Default: any free one. */
  readonly port?: number;
  /** What it says to be, and behaves like: no positions on stream reads and appends before 22.10. Default 23.10.1. */
  readonly version?: string;
  /** False: it has no ServerFeatures service, as before 21.10. */
  readonly serverFeatures?: boolean;
  /** For how many milliseconds it looks at one event of `$all` in a filtered read or subscription. Default 0: no time at all. */
  readonly lookMs?: number;
  /** Bytes that one append may have. Default 1 MiB. */
  readonly maxAppendSize?: number;
  /** Who may do what. The client sends credentials over TLS only. Default: everybody everything. */
  readonly users?: Readonly<Record<string, User>>;
  /** Default false. The certificate is made at start; the connection string names its file. */
  readonly tls?: boolean;
  /** The cluster it belongs to. Default: alone. */
  readonly cluster?: { members(): readonly Member[] };
}

/** An EventStoreDB as seen from the wire. */
export class EsdbServer implements Node {
  readonly log: EsdbLog;
  readonly faults = new Faults();
  readonly version: string;
  readonly tellsFeatures: boolean;
  readonly maxAppendSize: number;
  readonly lookMs: number;
  readonly access: Access;
  readonly host = '127.0.0.1';
  private readonly door: Door;

  constructor(private readonly options: EsdbServerOptions) {
    this.log = options.log ?? new EsdbLog(options);
    this.version = options.version ?? '23.10.1';
    this.tellsFeatures = options.serverFeatures ?? atLeast(this, '21.10');
    this.lookMs = options.lookMs ?? 0;
    this.maxAppendSize = options.maxAppendSize ?? 1024 * 1024;
    this.access = new Access(options.users, this.log);
    this.door = new Door(this.host, options.port ?? 0, options.tls ?? false);
  }

  get port(): number {
    return this.door.port;
  }

  /** For a client without credentials. */
  get connectionString(): string {
    return this.connectionStringOf();
  }

  /** For a client with these credentials, such as `admin:changeit`. */
  connectionStringOf(credentials?: string): string {
    const tls = this.door.caFile ? `tls=true&tlsCAFile=${encodeURIComponent(this.door.caFile)}` : 'tls=false';
    return `esdb://${credentials ? `${credentials}@` : ''}${this.host}:${this.port}?${tls}`;
  }

  /** Listens, after `stop` on the same port and with the same log. */
  async start(): Promise<void> {
    const grpc = new Server({ 'grpc.max_receive_message_length': 32 * 1024 * 1024 });
    this.addServices(grpc);
    await this.door.open(grpc);
  }

  /** Is gone as if killed: connections are cut, calls get no answer. The log stays. */
  async stop(): Promise<void> {
    await this.door.close();
  }

  /** Cuts every connection; who comes back is let in. */
  cutAll(): void {
    this.door.cutAll();
  }

  cut(peer: string): void {
    this.door.cut(peer);
  }

  get alive(): boolean {
    return this.door.isOpen;
  }

  members(): readonly Member[] {
    if (this.options.cluster) return this.options.cluster.members();
    return [{ host: this.host, port: this.port, leader: true, alive: true }];
  }

  leader(): Member {
    return this.members().find(({ leader }) => leader) ?? this.members()[0]!;
  }

  get leading(): boolean {
    return this.leader().port === this.port;
  }

  /** The whole of `$all`, in order. */
  events(): readonly LoggedEvent[] {
    return this.log.events();
  }

  /** Writes raw events of anybody, without a check. */
  inject(stream: string, events: readonly InjectedEvent[]): LoggedEvent[] {
    return this.log.inject(stream, events);
  }

  /** Makes the stream's revisions begin at `before`. */
  truncate(stream: string, before: number): void {
    this.log.truncate(stream, before);
  }

  private addServices(grpc: Server): void {
    const responseSerialize = (bytes: Buffer) => bytes;
    grpc.addService(
      { ...StreamsService, read: { ...StreamsService.read, responseSerialize } },
      {
        append: appendHandler(this),
        batchAppend: batchAppendHandler(this),
        delete: deleteHandler(this),
        read: readHandler(this),
        tombstone: tombstoneHandler(this),
      },
    );
    grpc.addService(ServerFeaturesService, { getSupportedMethods: featuresHandler(this) });
    grpc.addService(GossipService, { read: gossipHandler(this) });
  }
}

/** Starts a server; whoever starts it stops it. */
export async function startEsdbServer(options: EsdbServerOptions = {}): Promise<EsdbServer> {
  const server = new EsdbServer(options);
  await server.start();
  return server;
}
