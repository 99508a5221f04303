import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { selfSigned } from './certificate';

/** Takes connections for a gRPC server and can cut them, which gRPC itself cannot. */
export class Door {
  /** The file with the certificate to trust, while open with TLS. */
  caFile: string | undefined;
  private readonly sockets = new Map<string, Socket>();
  private listener: NetServer | undefined;
  private grpc: Server | undefined;
  private injector: ConnectionInjector | undefined;

  constructor(
    private readonly host: string,
    /** 0 until the first `open` has found a free one; then the same for ever. */
    public port: number,
    private readonly tls: boolean,
  ) {}

  get isOpen(): boolean {
    return this.listener !== undefined;
  }

  async open(grpc: Server): Promise<void> {
    this.grpc = grpc;
    this.injector = grpc.createConnectionInjector(this.credentials());
    this.listener = createServer((socket) => this.admit(socket));
    this.listener.listen(this.port, this.host);
    await once(this.listener, 'listening');
    // A TCP server that listens has an address of this kind.
    this.port = (this.listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const { listener } = this;
    if (!listener) return;
    this.listener = undefined;
    const closed = once(listener, 'close');
    listener.close();
    this.cutAll();
    this.injector?.destroy();
    this.grpc?.forceShutdown();
    if (this.caFile) rmSync(dirname(this.caFile), { recursive: true, force: true });
    await closed;
  }

  cut(peer: string): void {
    this.sockets.get(peer)?.resetAndDestroy();
  }

  cutAll(): void {
    for (const socket of this.sockets.values()) socket.resetAndDestroy();
  }

  private admit(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.sockets.set(peer, socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(peer));
    socket.on('error', () => socket.destroy());
    this.injector!.injectConnection(socket);
  }

  private credentials(): ServerCredentials {
    if (!this.tls) return ServerCredentials.createInsecure();
    const { certificate, key } = selfSigned(this.host);
    this.caFile = join(mkdtempSync(join(tmpdir(), 'gatehouse-esdb-')), 'ca.pem');
    writeFileSync(this.caFile, certificate);
    return ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) },
    ]);
  }
}
