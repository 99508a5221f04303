import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import { EsdbProcess } from '../libs/event-store/src/eventstoredb/testing';
import { authorOf } from './kafka/author';
import { scaled } from './support/scale';

const ROOT = join(__dirname, '..');
const MIGRATE = join(ROOT, 'dist/apps/api/src/migrate.js');
const EVENTS = scaled(1_500);
/** Each time in another part of what is left. */
const KILLS = scaled(3);

describe(`npm run migrate, of ${EVENTS} events`, () => {
  const data = mkdtempSync(join(tmpdir(), 'gatehouse-migrate-'));
  let server: EsdbProcess;

  beforeAll(async () => {
    server = await EsdbProcess.start();
    const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
    await authorOf(store)(EVENTS);
    await store.close();
  }, 300_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(data, { recursive: true });
  });

  const begin = (
    folder = data,
  ): { child: ChildProcess; ended: Promise<{ code: number | null; output: string }> } => {
    const env = {
      PATH: process.env['PATH'],
      GATEHOUSE_DATA: folder,
      GATEHOUSE_EVENT_STORE: server.connectionString,
    };
    const child = spawn(process.execPath, [MIGRATE], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const from of [child.stdout, child.stderr])
      from.on('data', (text: Buffer) => (output += text.toString()));
    const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, output }));
    return { child, ended };
  };
  /** Events of ours on the server; the first one there is the log's identity. */
  const copied = async () =>
    Math.max(0, (await server.events()).filter(({ stream }) => stream.startsWith('gatehouse-')).length - 1);

  it(`killed ${KILLS} times on the way, and run again, both logs have one digest`, async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      const { child, ended } = begin();
      const enough = Math.floor((EVENTS * kill) / (KILLS + 2));
      while ((await copied()) < enough && child.exitCode === null) await sleep(20);
      child.kill('SIGKILL');
      expect((await ended).code).toBeNull();
    }
    let left = await copied();
    // What was on its way when it was killed may come a moment later.
    for (let before = -1; before !== left; await sleep(500)) [before, left] = [left, await copied()];
    expect(left).toBeGreaterThan(0);

    const { code, output } = await begin().ended;
    expect(output).toContain(`${left} were there already`);
    expect(code).toBe(0);
    const summaries = [...output.matchAll(/, (\d+) events in (\d+) streams, up to position \d+, (\S+)$/gm)];
    const [source, target] = summaries.map(([, ...figures]) => figures);
    expect(source).toBeDefined();
    expect(target).toEqual(source);
    expect(await copied()).toBe(Number(source![0]));
  }, 300_000);

  it('says where the log has to be when there is none', async () => {
    const { code, output } = await begin(join(data, 'elsewhere')).ended;
    expect(code).toBe(1);
    expect(output).toMatch(/there is no log at .*set GATEHOUSE_DATA/);
  });
});
