import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, STEADY } from './broker';

/**
 * A broker for whoever only talks to one, under topics with a prefix of their own: the first of `KAFKA_BROKERS` where that is set;
 * else one that is started when it is first asked for, serves every spec file of this process, and ends with it.
 */
export async function sharedBroker(): Promise<{ readonly address: string }> {
  const [named] = (process.env['KAFKA_BROKERS'] ?? '').split(',');
  if (named) return { address: named };
  // jest gives each spec file modules of its own: what files share is in the file system. The folder goes when the process does.
  const folder = join(tmpdir(), `gatehouse-kafka-of-${process.pid}`);
  const note = join(folder, 'address');
  if (existsSync(note)) return { address: await readFile(note, 'utf8') };
  await rm(folder, { recursive: true, force: true });
  const { address } = await startBroker({ folder, properties: STEADY });
  await writeFile(note, address);
  return { address };
}
