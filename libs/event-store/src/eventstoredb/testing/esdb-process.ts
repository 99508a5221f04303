import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Order, ShownEvent } from './control';
import type { EsdbServerOptions } from './server';

const ROOT = resolve(__dirname, '../../../../..');
const PAGE = 2_000;

interface Reply {
  readonly id: number;
  readonly ok?: unknown;
  readonly error?: string;
}

/** The server in a process of its own, for replicas that are processes too. */
export class EsdbProcess {
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private lastId = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly connectionString: string,
  ) {}

  static async start(options: Omit<EsdbServerOptions, 'log' | 'cluster'> = {}): Promise<EsdbProcess> {
    const args = ['-r', './test/support/typescript.cjs', resolve(__dirname, 'serve.ts')];
    const child = spawn(process.execPath, [...args, String(options.port ?? 0), JSON.stringify(options)], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    // A server that cannot start ends instead of saying so.
    const [first] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    if (!first?.startsWith('ready '))
      throw new Error('the EventStoreDB process did not start: see its stderr');
    const { port, connectionString } = JSON.parse(first.slice(6)) as {
      port: number;
      connectionString: string;
    };
    const started = new EsdbProcess(child, port, connectionString);
    lines.on('line', (line) => started.heard(JSON.parse(line) as Reply));
    lines.on('close', () => started.ended());
    return started;
  }

  /** Gives an order and resolves with the answer to it. */
  async tell(order: Order): Promise<unknown> {
    const id = ++this.lastId;
    const answered = new Promise<Reply>((answer) => this.waiting.set(id, answer));
    this.child.stdin!.write(`${JSON.stringify({ id, ...order })}\n`);
    const { error, ok } = await answered;
    if (error !== undefined) throw new Error(error);
    return ok;
  }

  /** The whole of `$all`, fetched in pages. */
  async events(): Promise<ShownEvent[]> {
    const all: ShownEvent[] = [];
    for (let page; page === undefined || page.length === PAGE; all.push(...page)) {
      page = (await this.tell({ do: 'events', from: all.length, limit: PAGE })) as ShownEvent[];
    }
    return all;
  }

  /** How often each fault has happened. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    return (await this.tell({ do: 'counts' })) as Record<string, number>;
  }

  /** Ends it; by force, if it does not go by itself within two seconds. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.stdin!.end();
    const force = setTimeout(() => this.child.kill('SIGKILL'), 2_000);
    await exited;
    clearTimeout(force);
  }

  private heard(reply: Reply): void {
    this.waiting.get(reply.id)?.(reply);
    this.waiting.delete(reply.id);
  }

  private ended(): void {
    for (const id of [...this.waiting.keys()])
      this.heard({ id, error: 'the EventStoreDB process has ended' });
  }
}
