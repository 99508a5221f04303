import { EsdbLog } from './log';
import type { Member } from './node';
import { EsdbServer, type EsdbServerOptions } from './server';

/** Several nodes in front of one log, one of them the leader. */
export class EsdbCluster {
  readonly nodes: readonly EsdbServer[];
  private leaderIndex = 0;

  constructor(size: number, options: EsdbServerOptions) {
    const log = options.log ?? new EsdbLog(options);
    this.nodes = Array.from({ length: size }, () => new EsdbServer({ ...options, log, cluster: this }));
  }

  get log(): EsdbLog {
    return this.nodes[0]!.log;
  }

  get leader(): EsdbServer {
    return this.nodes[this.leaderIndex]!;
  }

  /** The client asks any node who leads. */
  get connectionString(): string {
    return `esdb://${this.nodes.map(({ host, port }) => `${host}:${port}`).join(',')}?tls=false`;
  }

  /** Moves the leadership. */
  lead(index: number): void {
    this.leaderIndex = index;
  }

  members(): readonly Member[] {
    return this.nodes.map((node, index) => ({
      host: node.host,
      port: node.port,
      leader: index === this.leaderIndex,
      alive: node.alive,
    }));
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** Starts a cluster; whoever starts it stops it. */
export async function startEsdbCluster(size: number, options: EsdbServerOptions = {}): Promise<EsdbCluster> {
  const cluster = new EsdbCluster(size, options);
  await cluster.start();
  return cluster;
}
