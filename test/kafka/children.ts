import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const TYPESCRIPT = ['--require', join(__dirname, '../support/typescript.cjs')];

/** A process of the tests' own, beside this file; it says "ready" when it can be told what to do. */
export async function startChild(file: string): Promise<ChildProcess> {
  const child = fork(join(__dirname, file), { execArgv: TYPESCRIPT });
  await once(child, 'message');
  return child;
}

/** SIGKILL, and gone. Whatever it said before it died has been heard. */
export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
