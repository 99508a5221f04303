import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import Database from 'better-sqlite3';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { modelLife, seedLog } from '../bench/seed';
import { HttpClient, type Live, type Problem } from './support/http';
import { CI, must, promote, readyVersion, registration } from './support/life';
import { runToEnd, type Service, type Settings, startService } from './support/service';

const MODEL = 'fraud-detector';

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-start-'));
let folders = 0;
const freshData = () => join(folder, `data-${folders++}`);
const open: Service[] = [];
const start = async (settings: Settings) => {
  const service = await startService(settings);
  open.push(service);
  return service;
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((service) => service.kill()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes the next version live; answers its number. */
async function goLive(http: HttpClient, seed: string): Promise<number> {
  const version = await readyVersion(http, MODEL, seed);
  await must(promote(http, MODEL, version));
  return version;
}
/** What is live, once the views have come to the end of the log. */
const live = async (service: Service) => {
  const http = new HttpClient(service.http);
  const { body } = await http.getCaughtUp<Live>(`/v1/models/${MODEL}/live`);
  http.close();
  return body;
};

describe('the first start', () => {
  it('makes a key for the admin, says where it is, and never says it again; later starts make none', async () => {
    const data = freshData();
    const service = await start({ GATEHOUSE_DATA: data, GATEHOUSE_LOG_LEVEL: 'trace' });
    const file = join(data, 'admin.key');
    const key = readFileSync(file, 'utf8').trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(service.output()).toContain(`Admin key:   ${file}`);
    const http = new HttpClient(service.http);
    await goLive(http, 'a');
    http.close();
    const { output } = await service.stop();
    const secret = key.split('_').at(-1)!;
    expect(output).not.toContain(secret);
    expect(output).not.toMatch(/gatehouse_[a-z0-9-]+_[0-9A-Za-z]{14}_/);
    const again = await start({ GATEHOUSE_DATA: data });
    expect(again.output()).not.toContain('Admin key');
    expect(readFileSync(file, 'utf8').trim()).toBe(key);
  });
});

describe('where it listens', () => {
  it('is printed last, a line for each door, with the free port that port 0 took', async () => {
    const service = await start({ GATEHOUSE_DATA: freshData(), GATEHOUSE_LOG_LEVEL: 'info' });
    const said = service.output().trimEnd().split('\n').slice(-2);
    expect(said[0]).toMatch(/^gatehouse http listening on (http:\/\/)?127\.0\.0\.1:[1-9]\d*$/);
    expect(said[1]).toMatch(/^gatehouse grpc listening on 127\.0\.0\.1:[1-9]\d*$/);
    expect((await fetch(`${service.http}/v1/log`)).status).toBe(401);
    const http = new HttpClient(service.http);
    expect((await http.get('/v1/log')).status).toBe(200);
    http.close();
  });

  it.each(['GATEHOUSE_HTTP', 'GATEHOUSE_GRPC'] as const)(
    'is never a public address without TLS: %s',
    async (name) => {
      for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:8080']) {
        const ended = await runToEnd({ GATEHOUSE_DATA: freshData(), [name]: address });
        expect(ended).toMatchObject({ code: expect.any(Number) as number, signal: null });
        expect(ended.code).toBeGreaterThan(0);
        expect(ended.output).toContain(name);
        expect(ended.output).toMatch(/loopback|127\.0\.0\.1/);
      }
    },
  );

  it('may be one where plain text is allowed by name, and every start says what that means', async () => {
    // Loopback, in a way of writing it that is not taken for it.
    const mapped = '[::ffff:127.0.0.1]:0';
    const ended = await runToEnd({ GATEHOUSE_DATA: freshData(), GATEHOUSE_HTTP: mapped });
    expect(ended.output).toMatch(/GATEHOUSE_TLS_CERT.*GATEHOUSE_PLAINTEXT=allow/);
    const service = await start({
      GATEHOUSE_DATA: freshData(),
      GATEHOUSE_HTTP: mapped,
      GATEHOUSE_PLAINTEXT: 'allow',
    });
    expect(service.output()).toMatch(/^WARNING: .*GATEHOUSE_PLAINTEXT=allow/m);
    const silent = await start({ GATEHOUSE_DATA: freshData(), GATEHOUSE_PLAINTEXT: 'allow' });
    expect(silent.output()).not.toContain('WARNING');
  });

  it('is said to be taken when it is', async () => {
    const first = await start({ GATEHOUSE_DATA: freshData() });
    const ended = await runToEnd({
      GATEHOUSE_DATA: freshData(),
      GATEHOUSE_HTTP: first.http.replace('http://', ''),
    });
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.output).toMatch(/GATEHOUSE_HTTP.*EADDRINUSE/);
  });
});

describe('a wrong setting', () => {
  const WRONG: Settings[] = [
    { GATEHOUSE_HTTP: 'nonsense' },
    { GATEHOUSE_HTTP: '127.0.0.1:99999' },
    { GATEHOUSE_GRPC: '127.0.0.1:' },
    { GATEHOUSE_LOG_LEVEL: 'loud' },
    { GATEHOUSE_REQUEST_TIMEOUT_MS: 'soon' },
    { GATEHOUSE_REQUEST_TIMEOUT_MS: '-1' },
    { GATEHOUSE_BODY_LIMIT_KIB: '1e3x' },
    { GATEHOUSE_BODY_LIMIT_KIB: '0' },
    { GATEHOUSE_CURSOR_SECRET_FILE: '/nowhere/secret' },
    { GATEHOUSE_POINTER_DIR: '/etc/passwd' },
  ];
  it.each(WRONG)('ends the process with a message that names it: %p', async (settings) => {
    const ended = await runToEnd({ GATEHOUSE_DATA: freshData(), ...settings });
    expect(ended.signal).toBeNull();
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.output).toContain(Object.keys(settings)[0]!.replace(/_FILE$/, ''));
    expect(ended.output).not.toMatch(/^\s+at /m);
  });
});

describe('a log that fails for good', () => {
  it('is answered 503 outcome-unknown where it is, and ends the process with 1', async () => {
    const data = freshData();
    const service = await start({ GATEHOUSE_DATA: data });
    const http = new HttpClient(service.http);
    await goLive(http, 'one');
    // What no writer of ours does: another row in the place of the next event.
    const db = new Database(join(data, 'events.db'));
    db.exec(`INSERT INTO events (position, stream, revision, id, type, meta, data)
      SELECT max(position) + 1, 'x', 0, 'x', 'x', '{}', '{}' FROM events`);
    db.close();
    const { status, body } = await http.post(`/v1/models/${MODEL}/versions`, {
      ...CI,
      body: registration('two'),
    });
    expect([status, body.code]).toEqual([503, 'outcome-unknown']);
    http.close();
    expect((await service.ended).code).toBe(1);
  });
});

describe('a second process on the same data', () => {
  it('is refused with a clear message, and the first goes on', async () => {
    const data = freshData();
    const first = await start({ GATEHOUSE_DATA: data });
    const http = new HttpClient(first.http);
    await goLive(http, 'one');
    const ended = await runToEnd({ GATEHOUSE_DATA: data });
    expect(ended.signal).toBeNull();
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.output).toContain(data);
    expect(ended.output).toMatch(/another process|in use|already/i);
    await goLive(http, 'two');
    http.close();
    expect((await live(first)).revision).toBe(2);
  });

  it('may have it as soon as the first was killed', async () => {
    const data = freshData();
    await (await start({ GATEHOUSE_DATA: data })).kill();
    await start({ GATEHOUSE_DATA: data });
  });
});

describe('a graceful stop', () => {
  it('answers what is in flight, exits with 0 within 10 s, and keeps what it acknowledged', async () => {
    const data = freshData();
    const service = await start({ GATEHOUSE_DATA: data });
    const acked: string[] = [];
    /** Request ids of what came on a connection that was being closed: it was not read, so it was not begun. */
    const broken: string[] = [];
    let stopping = false;
    const writer = async (id: number) => {
      const http = new HttpClient(service.http);
      for (let i = 0; ; i++) {
        const sentBefore = !stopping;
        const requestId = `stopped-${id}-${i}`;
        const answer = await http
          .post(`/v1/models/m${id}/versions`, { ...CI, requestId, body: registration(`${id} ${i}`) })
          .catch(() => {
            if (sentBefore) broken.push(requestId);
          });
        if (answer?.status === 201) acked.push(answer.body.event!.id);
        if (answer === undefined || answer.status === 503 || stopping) break;
      }
      http.close();
    };
    const writers = Promise.all(Array.from({ length: 16 }, (_, i) => writer(i)));
    for (const end = Date.now() + 60_000; acked.length <= 16 && Date.now() < end;) await sleep(10);
    stopping = true;
    const began = Date.now();
    const { code } = await service.stop();
    await writers;
    expect(code).toBe(0);
    expect(Date.now() - began).toBeLessThan(10_000);

    const again = await start({ GATEHOUSE_DATA: data });
    const http = new HttpClient(again.http);
    const events = await http.events('0');
    const stored = new Set(events.map((event) => event.id));
    expect(events.filter(({ correlation }) => broken.includes(correlation))).toEqual([]);
    expect(acked.length).toBeGreaterThan(16);
    expect(acked.filter((id) => !stored.has(id))).toEqual([]);
    http.close();
  });

  it('does not wait for readers who never leave', async () => {
    const service = await start({ GATEHOUSE_DATA: freshData() });
    const http = new HttpClient(service.http);
    await goLive(http, 'one');
    const endless = ['/v1/events?after=0', `/v1/models/${MODEL}/live`].map(
      (path) =>
        new Promise<void>((resolve, reject) => {
          const req = request(
            `${service.http}${path}`,
            { headers: { accept: 'text/event-stream' } },
            (res) => {
              res.on('data', () => resolve());
              res.on('error', () => undefined);
            },
          );
          req.on('error', reject).end();
        }),
    );
    await Promise.all(endless);
    const began = Date.now();
    expect((await service.stop()).code).toBe(0);
    expect(Date.now() - began).toBeLessThan(10_000);
    http.close();
  });

  it('is the same for Ctrl-C sent twice', async () => {
    const service = await start({ GATEHOUSE_DATA: freshData() });
    process.kill(service.pid, 'SIGINT');
    process.kill(service.pid, 'SIGINT');
    expect((await service.ended).code).toBe(0);
  });
});

describe('the views of another log', () => {
  const swapLog = (from: string, to: string) => {
    for (const file of readdirSync(to)) if (file.startsWith('events.db')) rmSync(join(to, file));
    for (const file of readdirSync(from))
      if (file.startsWith('events.db')) cpSync(join(from, file), join(to, file));
  };
  const run = async (data: string, seeds: readonly string[]): Promise<Live> => {
    const service = await start({ GATEHOUSE_DATA: data });
    const http = new HttpClient(service.http);
    for (const seed of seeds) await goLive(http, seed);
    http.close();
    const answer = await live(service);
    expect((await service.stop()).code).toBe(0);
    return answer;
  };

  it('are rebuilt under an older copy of events.db: what is live is the old truth', async () => {
    const data = freshData();
    const old = freshData();
    const before = await run(data, ['one', 'two']);
    cpSync(data, old, { recursive: true });
    expect((await run(data, ['three', 'four'])).revision).toBe(4);
    swapLog(old, data);
    expect(await run(data, [])).toEqual(before);
  });

  it('are rebuilt under a copy that went another way and is as long', async () => {
    const data = freshData();
    const fork = freshData();
    await run(data, ['one', 'two']);
    cpSync(data, fork, { recursive: true });
    await run(data, ['three']);
    const forked = await run(fork, ['other', 'another']);
    swapLog(fork, data);
    expect(await run(data, [])).toEqual(forked);
  });

  it('may be deleted: they are made again from the log', async () => {
    const data = freshData();
    const before = await run(data, ['one', 'two']);
    for (const file of readdirSync(data)) if (file.startsWith('views.db')) rmSync(join(data, file));
    expect(await run(data, [])).toEqual(before);
  });

  it('tell nothing old while they are made again: 503 view-behind until they are there', async () => {
    const data = freshData();
    const life = await modelLife(freshData());
    await run(data, ['one']);
    await seedLog(data, life, 3_000);
    const now = await run(data, ['two']);
    const told = new Set<string>();
    // They may be there before the first question is.
    for (let attempt = 0; attempt < 5 && told.size < 2; attempt++) {
      for (const file of readdirSync(data)) if (file.startsWith('views.db')) rmSync(join(data, file));
      const service = await start({ GATEHOUSE_DATA: data });
      const http = new HttpClient(service.http);
      for (let status = 0; status !== 200;) {
        const answer = await http.get<Live & Problem>(`/v1/models/${MODEL}/live`);
        status = answer.status;
        told.add(status === 200 ? JSON.stringify(answer.body) : `${status} ${answer.body.code}`);
      }
      http.close();
      await service.kill();
    }
    expect([...told].sort()).toEqual(['503 view-behind', JSON.stringify(now)].sort());
  });
});

describe('the secret behind the cursors', () => {
  const cursorOf = async (service: Service) => {
    const http = new HttpClient(service.http);
    const { body } = await http.getCaughtUp<{ next: string }>(`/v1/models/${MODEL}/versions?limit=1`);
    http.close();
    return body.next;
  };
  const accepts = async (service: Service, cursor: string) => {
    const http = new HttpClient(service.http);
    const { status, body } = await http.get<Problem>(
      `/v1/models/${MODEL}/versions?limit=1&after=${encodeURIComponent(cursor)}`,
    );
    http.close();
    return status === 200 || `${status} ${body.code}`;
  };
  const withTwoVersions = async (settings: Settings) => {
    const service = await start(settings);
    const http = new HttpClient(service.http);
    await goLive(http, 'one');
    await goLive(http, 'two');
    http.close();
    return service;
  };

  it('may come from a file: a replica with the same one takes the same cursors, another does not', async () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'a secret that is long enough for anybody\n');
    const one = await withTwoVersions({ GATEHOUSE_DATA: freshData(), GATEHOUSE_CURSOR_SECRET_FILE: file });
    const same = await withTwoVersions({
      GATEHOUSE_DATA: freshData(),
      GATEHOUSE_CURSOR_SECRET: 'a secret that is long enough for anybody',
    });
    const other = await withTwoVersions({ GATEHOUSE_DATA: freshData() });
    const cursor = await cursorOf(one);
    expect(await accepts(one, cursor)).toBe(true);
    expect(await accepts(same, cursor)).toBe(true);
    expect(await accepts(other, cursor)).toBe('400 cursor-invalid');
  });

  it('is made where none is given, kept over a restart, and readable by its owner only', async () => {
    const data = freshData();
    const service = await withTwoVersions({ GATEHOUSE_DATA: data });
    const cursor = await cursorOf(service);
    await service.stop();
    expect(await accepts(await start({ GATEHOUSE_DATA: data }), cursor)).toBe(true);
    const [file] = readdirSync(data).filter((name) => name.includes('secret'));
    expect(statSync(join(data, file!)).mode & 0o777).toBe(0o600);
  });
});
