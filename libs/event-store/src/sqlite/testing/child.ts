import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(__dirname, '../../../../..');

/** A process of its own that runs one of our TypeScript files, and what it says. */
export interface Child {
  readonly process: ChildProcess;
  /** Its lines on stdout, one by one. */
  readonly lines: AsyncIterator<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** What it wrote to stderr so far. */
  complaints(): string;
}

const running = new Set<ChildProcess>();

/** Kills what still runs of the processes that were started: of tests that failed before they did. */
export async function killAll(): Promise<void> {
  const exits = [...running].map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(exits);
}

export function start(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const requires = ['./test/support/typescript.cjs', 'tsconfig-paths/register'];
  const child = spawn(process.execPath, [script, ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: requires.map((path) => `--require=${path}`).join(' '), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    process: child,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    exited: once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    })),
    complaints: () => stderr,
  };
}
