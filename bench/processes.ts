import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Service } from '../test/support/service';
import type { BaselineName } from './baselines';
import type { Job, Measured } from './generator';

const child = (file: string, args: string[] = []) =>
  fork(join(__dirname, file), args, { execArgv: process.execArgv });

/** A raw baseline in a process of its own. */
export async function startBaseline(
  name: BaselineName,
  answer: object,
): Promise<{ address: string; stop(): void }> {
  const process = child('baselines.ts', [name, JSON.stringify(answer)]);
  const [address] = (await once(process, 'message')) as [string];
  return { address, stop: () => process.kill() };
}

/** The load generator, ready for one job after the other. */
export class Generator {
  private readonly process: ChildProcess = child('generator.ts');

  async run(job: Job): Promise<Measured> {
    this.process.send(job);
    const [measured] = (await once(this.process, 'message')) as [Measured];
    if (measured.failures > 0)
      console.error(`! ${measured.failures} requests of ${JSON.stringify(job.plan).slice(0, 120)} failed`);
    return measured;
  }

  stop(): void {
    this.process.kill();
  }
}

/** The most memory a process ever held, in MiB. */
export function peakMemory({ pid }: Pick<Service, 'pid'>): number {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  return Number(peak) / 1024;
}
