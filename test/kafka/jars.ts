import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const POM = join(__dirname, 'pom.xml');
const CACHE = join(__dirname, '../../node_modules/.cache/gatehouse');

/**
 * The folder that holds Apache Kafka and all it needs, fetched by Maven the first time. Any number of processes may ask
 * at once: each copies into a folder of its own, and the first to finish gives it its name.
 */
export async function kafkaJars(cache = CACHE): Promise<string> {
  await must(
    'java',
    ['-version'],
    'Java (17 or later), for example "apt-get install openjdk-17-jre-headless"',
  );
  const pom = createHash('sha256').update(await readFile(POM));
  const folder = join(cache, `kafka-${pom.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const own = `${folder}.${process.pid}-${Date.now()}`;
  await mkdir(own, { recursive: true });
  await must(
    'mvn',
    [
      '-B',
      '-q',
      '-f',
      POM,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${own}`,
    ],
    'Maven, for example "apt-get install maven", with a way to its repository',
  );
  await rename(own, folder).catch(() => rm(own, { recursive: true }));
  return folder;
}

/** Runs a program to its end; where it is missing or fails, the error says what the tests need. */
async function must(program: string, args: string[], needed: string): Promise<void> {
  try {
    await run(program, args, { maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    const what = code === 'ENOENT' ? 'is missing' : `failed:\n${stdout}${stderr}`;
    throw new Error(
      `The tests run Apache Kafka itself and need ${needed}: "${program}" ${what}\n` +
        'Or name a broker that runs already in KAFKA_BROKERS; the tests that kill and pause one still need their own.',
      { cause: error },
    );
  }
}
