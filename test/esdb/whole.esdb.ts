import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteEventStore } from '@gatehouse/event-store';
import { deleteStreams, freshPrefix } from '../../libs/event-store/src/testing/esdb-contract';
import { authorOf } from '../kafka/author';
import { untilReady } from '../support/cluster';
import { foldPointer } from '../support/fold';
import { type Event, HttpClient, type Live } from '../support/http';
import { CI, must, promote, readyVersion, registration } from '../support/life';
import { type Service, startService } from '../support/service';

const ROOT = join(__dirname, '../..');
const ESDB_URL = process.env['ESDB_URL']!;
const RACES = 20;
const RACERS = 16;
const COPIED = 300;

// Nothing goes wrong here on purpose, and the server may hold whatever it holds: every test has a prefix of its own.
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-esdb-'));
const prefixes: string[] = [];
const ownPrefix = () => prefixes[prefixes.push(freshPrefix()) - 1]!;

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const prefix of prefixes) await deleteStreams(ESDB_URL, prefix);
});

describe('two replicas on an EventStoreDB', () => {
  const replicas: Service[] = [];
  const clients: HttpClient[] = [];
  const prefix = ownPrefix();

  const add = async (data: string) => {
    const service = await startService({
      GATEHOUSE_DATA: join(folder, data),
      GATEHOUSE_EVENT_STORE: ESDB_URL,
      GATEHOUSE_EVENT_STORE_PREFIX: prefix,
      GATEHOUSE_CURSOR_SECRET: 'what all replicas of this test share',
    });
    await untilReady(service);
    replicas.push(service);
    clients.push(new HttpClient(service.http));
    return clients.at(-1)!;
  };

  beforeAll(async () => {
    await add('first');
    await add('second');
  }, 120_000);
  afterAll(async () => {
    clients.forEach((client) => client.close());
    await Promise.all(replicas.map((replica) => replica.kill()));
  });

  const livesOf = (model: string) =>
    Promise.all(
      clients.map(async (client) => (await client.getCaughtUp<Live>(`/v1/models/${model}/live`)).body),
    );

  it('are of one log, and what is written on one is read on the other', async () => {
    const [one, two] = clients as [HttpClient, HttpClient];
    const version = await readyVersion(one, 'shared', 1);
    const { position } = await must(promote(two, 'shared', version));
    const seen = await one.get<Live>('/v1/models/shared/live', { atLeast: position });
    expect(seen).toMatchObject({ status: 200, body: { revision: 1, current: { version } } });
    const [first, second] = await Promise.all([one.events('0'), two.events('0')]);
    expect(first).toHaveLength(4);
    expect(second).toEqual(first);
    const logs = await Promise.all(clients.map((client) => client.get<{ logId: string }>('/v1/log')));
    expect(logs[0]!.body.logId).toBe(logs[1]!.body.logId);
  });

  it('take the same Idempotency-Key for the same command', async () => {
    const call = { ...CI, key: 'once', body: registration('once') };
    const [first, second] = await Promise.all(
      clients.map((client) => must(client.post('/v1/models/keyed/versions', call))),
    );
    expect(second!.event!.id).toBe(first!.event!.id);
    expect((await clients[0]!.events('0')).filter(({ model }) => model === 'keyed')).toHaveLength(1);
  });

  it(`let one of ${RACERS} clients win, ${RACES} times, and the log says so`, async () => {
    const versions = await Promise.all(
      Array.from({ length: RACERS + 1 }, (_, n) => readyVersion(clients[n % 2]!, 'raced', n)),
    );
    let live: number | undefined;
    for (let race = 0; race < RACES; race++) {
      const racing = versions.filter((version) => version !== live).slice(0, RACERS);
      const answers = await Promise.all(
        racing.map((version, n) => promote(clients[n % 2]!, 'raced', version, { ifPointer: race })),
      );
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners).toHaveLength(1);
      live = winners[0]!.body.version.version;
      for (const { status, body } of answers)
        if (status !== 200) expect(body).toMatchObject({ code: 'pointer-moved' });
    }
    const events = (await clients[0]!.events('0')).filter(({ model }) => model === 'raced');
    const folded = foldPointer(events);
    expect(folded).toMatchObject({ revision: RACES, current: live });
    for (const { revision, current } of await livesOf('raced'))
      expect({ revision, current: current?.version }).toEqual({ revision: RACES, current: live });
  });

  it('are joined by a third with nothing in its folder, and by the first one again after a restart', async () => {
    const before = await livesOf('raced');
    await replicas[0]!.stop();
    await add('third');
    await add('first');
    clients.shift()!.close();
    for (const live of await livesOf('raced')) expect(live).toEqual(before[0]);
    const logs = await Promise.all(clients.map((client) => client.events('0')));
    for (const log of logs) expect(log).toEqual(logs[0]);
    expect(dense(logs[0]!)).toEqual([]);
  });
});

/** Events whose revision is not the next one of their stream. */
function dense(events: readonly Event[]): Event[] {
  const next = new Map<string, number>();
  return events.filter(({ stream, revision }) => {
    const expected = next.get(stream) ?? 0;
    next.set(stream, expected + 1);
    return Number(revision) !== expected;
  });
}

it(`npm run migrate copies ${COPIED} events into it, and both logs have one digest`, async () => {
  const data = join(folder, 'embedded');
  const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
  await authorOf(store)(COPIED);
  await store.close();
  const env = {
    PATH: process.env['PATH'],
    GATEHOUSE_DATA: data,
    GATEHOUSE_EVENT_STORE: ESDB_URL,
    GATEHOUSE_EVENT_STORE_PREFIX: ownPrefix(),
  };
  const child = spawn(process.execPath, [join(ROOT, 'dist/apps/api/src/migrate.js')], { cwd: ROOT, env });
  let output = '';
  for (const from of [child.stdout, child.stderr])
    from.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, output }).toMatchObject({ code: 0 });
  const summaries = [...output.matchAll(/, (\d+) events in (\d+) streams, up to position \d+, (\S+)$/gm)];
  const [source, target] = summaries.map(([, ...figures]) => figures);
  expect(Number(source![0])).toBeGreaterThanOrEqual(COPIED);
  expect(target).toEqual(source);
});
