import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type Minted = {
  /** Left out: the client itself, as with client credentials. */
  readonly sub?: string;
  readonly audience: string;
  readonly claims?: object;
  readonly alg?: 'ES256' | 'RS256';
  /** Seconds. */
  readonly lifetime?: number;
};
type Ask = { what: 'token'; token: Minted } | { what: 'rotate' } | { what: 'fetches' };
export type Asked = { readonly id: number; readonly ask: Ask };
export type Answered = { readonly id: number; readonly value?: string; readonly error?: string };

/** A real OpenID provider (`oidc-provider`) on loopback, in a process of its own. */
export class TestProvider {
  private last = 0;
  private readonly waiting = new Map<number, (answered: Answered) => void>();

  private constructor(
    private readonly process: ChildProcess,
    readonly issuer: string,
  ) {
    process.on('message', (answered: Answered) => {
      this.waiting.get(answered.id)?.(answered);
      this.waiting.delete(answered.id);
    });
  }

  static async start(): Promise<TestProvider> {
    const child = fork(join(__dirname, 'provider-process.ts'), [], {
      cwd: join(__dirname, '../../../..'),
      execArgv: ['--require=./test/support/typescript.cjs'],
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [{ value }] = (await once(child, 'message')) as [Answered];
    return new TestProvider(child, value!);
  }

  /** An access token as the provider makes them (RFC 9068). */
  token(token: Minted): Promise<string> {
    return this.ask({ what: 'token', token });
  }

  /** From now on it signs with new keys, and publishes only them. */
  async rotate(): Promise<void> {
    await this.ask({ what: 'rotate' });
  }

  /** How often its keys were fetched. */
  async fetches(): Promise<number> {
    return Number(await this.ask({ what: 'fetches' }));
  }

  /** Stops answering, the connection stays open: as when the network swallows packets. */
  freeze(): void {
    this.process.kill('SIGSTOP');
  }

  thaw(): void {
    this.process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }

  private ask(ask: Ask): Promise<string> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value!);
        else reject(new Error(error));
      });
      this.process.send({ id, ask } satisfies Asked);
    });
  }
}
