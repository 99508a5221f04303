import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Reading, int32 } from './bytes';
import {
  type Answer,
  API_VERSIONS,
  apiVersions,
  header,
  type Held,
  METADATA,
  metadata,
  metadataRequest,
  NONE,
  NOT_LEADER,
  PRODUCE,
  produced,
  produceRequest,
  UNKNOWN_TOPIC,
} from './protocol';

const IDS = [1, 2] as const;
/** One of the two. */
export type Id = (typeof IDS)[number];
type Partition = { leader: Id; readonly held: Held[] };
/** What becomes of a produce request that has just come in; nothing is written yet. */
export type OnProduce = (at: Id, cluster: TwoBrokers) => 'answer' | 'lose-answer' | 'hang-up';

/**
 * Two brokers of our own, which speak to a producer as Kafka does, and whose partitions change their leaders at
 * moments that no real cluster could be made to hit. What both hold is one: a partition moves with all its records.
 */
export class TwoBrokers {
  /** Set by the test. */
  onProduce: OnProduce = () => 'answer';
  private readonly topics = new Map<string, Partition[]>();
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly servers: ReadonlyMap<Id, Server>) {}

  /** Partition n of a topic is led by broker 1 if n is even, else by 2. */
  static async start(topics: readonly string[], partitions: number): Promise<TwoBrokers> {
    const servers = new Map(IDS.map((id) => [id, createServer()]));
    const cluster = new TwoBrokers(servers);
    for (const topic of topics)
      cluster.topics.set(
        topic,
        Array.from({ length: partitions }, (_, n) => ({ leader: n % 2 === 0 ? 1 : 2, held: [] })),
      );
    for (const [id, server] of servers) {
      server.on('connection', (socket) => cluster.serve(id, socket));
      await once(server.listen(0, '127.0.0.1'), 'listening');
    }
    return cluster;
  }

  get addresses(): string[] {
    return this.nodes().map(({ port }) => `127.0.0.1:${port}`);
  }

  /** All that one of them leads is led by the other from now on. */
  moveAllFrom(id: Id): void {
    for (const partition of this.partitions()) if (partition.leader === id) partition.leader = other(id);
  }

  /** One partition of all of them changes its leader. */
  moveOne(index: number): void {
    const all = this.partitions();
    const partition = all[index % all.length]!;
    partition.leader = other(partition.leader);
  }

  /** What the partitions of a topic hold, each in its order. */
  held(topic: string): Held[][] {
    return this.topics.get(topic)!.map(({ held }) => held);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([...this.servers.values()].map((server) => new Promise((done) => server.close(done))));
  }

  private nodes() {
    return [...this.servers].map(([id, server]) => ({ id, port: (server.address() as AddressInfo).port }));
  }

  private partitions(): Partition[] {
    return [...this.topics.values()].flat();
  }

  private serve(id: Id, socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0);
        this.answer(id, socket, new Reading(pending.subarray(4, end)));
        pending = pending.subarray(end);
      }
    });
  }

  private answer(id: Id, socket: Socket, request: Reading): void {
    const { api, correlation } = header(request);
    const send = (body: Buffer) =>
      socket.write(Buffer.concat([int32(4 + body.length), int32(correlation), body]));
    if (api === API_VERSIONS) send(apiVersions());
    else if (api === METADATA) send(this.metadata(metadataRequest(request)));
    else if (api === PRODUCE) {
      const fate = this.onProduce(id, this);
      if (fate === 'hang-up') return void socket.destroy();
      const answers = this.produce(id, request);
      if (fate === 'lose-answer') return void socket.destroy();
      send(produced(answers));
    } else throw new Error(`nobody was expected to send request ${api}`);
  }

  private metadata(asked: readonly string[] = [...this.topics.keys()]): Buffer {
    const topics = asked.map((topic) => ({
      topic,
      leaders: this.topics.get(topic)?.map(({ leader }) => leader),
    }));
    return metadata(this.nodes(), topics);
  }

  private produce(id: Id, request: Reading): Answer[] {
    return produceRequest(request).map(({ topic, partition, records }) => {
      const found = this.topics.get(topic)?.[partition];
      if (!found) return { topic, partition, code: UNKNOWN_TOPIC, offset: -1 };
      if (found.leader !== id) return { topic, partition, code: NOT_LEADER, offset: -1 };
      const offset = found.held.length;
      found.held.push(...records);
      return { topic, partition, code: NONE, offset };
    });
  }
}

const other = (id: Id): Id => (id === 1 ? 2 : 1);
