import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { type ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import { appendHandler, batchAppendHandler } from './append';
import { featuresHandler, gossipHandler } from './discovery';
import { EsdbLog, type LogOptions } from './log';
import type { Node } from './node';
import { readHandler } from './read';

export interface EsdbServerOptions extends LogOptions {
  /** Another server's log, to be a further node in front of it. Default: a log of its own. */
  readonly log?: EsdbLog;
  /** Default: any free one. */
  readonly port?: number;
  /** What it says to be, and behaves like. Default 23.10.1. */
  readonly version?: string;
  /** Bytes that one append may have. Default 1 MiB. */
  readonly maxAppendSize?: number;
}

/** An EventStoreDB as seen from the wire. */
export class EsdbServer implements Node {
  readonly log: EsdbLog;
  readonly version: string;
  readonly maxAppendSize: number;
  readonly host = '127.0.0.1';
  port: number;
  private readonly sockets = new Map<string, Socket>();
  private door: NetServer | undefined;
  private grpc: Server | undefined;
  private injector: ConnectionInjector | undefined;

  constructor(options: EsdbServerOptions) {
    this.log = options.log ?? new EsdbLog(options);
    this.version = options.version ?? '23.10.1';
    this.maxAppendSize = options.maxAppendSize ?? 1024 * 1024;
    this.port = options.port ?? 0;
  }

  get connectionString(): string {
    return `esdb://${this.host}:${this.port}?tls=false`;
  }

  members() {
    return [{ host: this.host, port: this.port, leader: true, alive: true }];
  }

  /** Listens, after `stop` on the same port and with the same log. */
  async start(): Promise<void> {
    this.grpc = new Server({ 'grpc.max_receive_message_length': 32 * 1024 * 1024 });
    this.addServices(this.grpc);
    this.injector = this.grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.door = createServer((socket) => this.connected(socket));
    this.door.listen(this.port, this.host);
    await once(this.door, 'listening');
    // A TCP server that listens has an address of this kind.
    this.port = (this.door.address() as AddressInfo).port;
  }

  /** Is gone as if killed: connections are cut, calls get no answer. The log stays. */
  async stop(): Promise<void> {
    const { door } = this;
    if (!door) return;
    this.door = undefined;
    const closed = once(door, 'close');
    door.close();
    this.injector?.destroy();
    this.grpc?.forceShutdown();
    for (const socket of this.sockets.values()) socket.destroy();
    await closed;
  }

  private connected(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.sockets.set(peer, socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(peer));
    socket.on('error', () => socket.destroy());
    this.injector!.injectConnection(socket);
  }

  private addServices(grpc: Server): void {
    const bytes = (value: Buffer) => value;
    grpc.addService(
      { ...StreamsService, read: { ...StreamsService.read, responseSerialize: bytes } },
      {
        append: appendHandler(this),
        batchAppend: batchAppendHandler(this),
        read: readHandler(this),
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
