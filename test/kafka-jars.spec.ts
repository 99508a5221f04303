import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const TYPESCRIPT = join(__dirname, 'support/typescript.cjs');

describe('a machine without what the broker of the tests needs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-jars-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a process says that starts the broker where no other programs than these are found. */
  const startedWith = async (...programs: readonly string[]) => {
    const path = join(folder, `path of ${programs.join(' and ')}`);
    mkdirSync(path);
    for (const program of programs)
      symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), join(path, program));
    const script = join(path, 'start.cjs');
    const [jars, cache] = [join(__dirname, 'kafka/jars.ts'), join(folder, 'cache')].map((file) =>
      JSON.stringify(file),
    );
    writeFileSync(script, `require(${jars}).kafkaJars(${cache});`);
    const env = { ...process.env, NODE_OPTIONS: '', PATH: path };
    const run = promisify(execFile)(process.execPath, ['--require', TYPESCRIPT, script], { env });
    return run.then(
      () => 'it went well',
      ({ stderr }: { stderr: string }) => stderr,
    );
  };

  it('is told to install Java', async () => {
    const said = await startedWith();
    expect(said).toContain('need Java (17 or later), for example "apt-get install openjdk-17-jre-headless"');
    expect(said).toContain('"java" is missing');
  });

  it('is told to install Maven', async () => {
    const said = await startedWith('java');
    expect(said).toContain('need Maven, for example "apt-get install maven"');
    expect(said).toContain('"mvn" is missing');
    expect(said).toContain('KAFKA_BROKERS');
  });
});
