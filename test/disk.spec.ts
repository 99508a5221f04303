import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, HttpClient, type Live } from './support/http';
import { CI, must, promote, readyVersion } from './support/life';
import { ballast, failingDisk, makeReadOnly, makeWritable, type Mount, tmpfs } from './support/mounts';
import { runToEnd, type Service, startService } from './support/service';

const KIB = 1024;
const OUTAGE = ['outcome-unknown', 'store-unavailable'];
const MODEL = 'fraud-detector';

const services: Service[] = [];
const disks: Mount[] = [];
const start = async (data: string) => {
  const service = await startService({ GATEHOUSE_DATA: data });
  services.push(service);
  return service;
};
const using = <T extends Mount>(disk: T): T => (disks.push(disk), disk);

afterEach(async () => {
  // A disk lets go only when nobody has a file on it open.
  await Promise.all(services.splice(0).map((service) => service.kill()));
  disks.splice(0).forEach((disk) => disk.unmount());
});

type Attempt = { label: string; acked: boolean; position: string | null };

/** A version big enough to fill a small disk soon. */
const bulky = (label: string) => ({
  label,
  changelog: 'big',
  manifest: { config: { label, filler: 'x'.repeat(60 * KIB) } },
});

class Writer {
  readonly attempts: Attempt[] = [];
  readonly codes: (string | undefined)[] = [];

  /** One write; whether it was acknowledged. A broken connection is an answer too: the process is gone. */
  async write(http: HttpClient): Promise<boolean> {
    const label = `big-${this.attempts.length}`;
    const attempt: Attempt = { label, acked: false, position: null };
    this.attempts.push(attempt);
    const answer = await http
      .post(`/v1/models/${MODEL}/versions`, { ...CI, body: bulky(label) })
      .catch(() => null);
    if (answer === null) return false;
    if (answer.status === 201) Object.assign(attempt, { acked: true, position: answer.body.position });
    else this.codes.push(answer.status === 503 ? answer.body.code : `${answer.status} ${answer.body.code}`);
    return attempt.acked;
  }

  async writeUntilRefused(http: HttpClient): Promise<void> {
    for (let i = 0; i < 2_000; i++) if (!(await this.write(http))) return;
    throw new Error('the disk was never full');
  }

  /** Everything acknowledged is in the log once, where it was said to be; what was not is there once or not at all. */
  async reconcile(http: HttpClient): Promise<void> {
    const events = await http.events('0');
    for (const { label, acked, position } of this.attempts) {
      const found = events
        .filter((event) => (event.data as { label?: string }).label === label)
        .map((event) => event.position);
      if (acked) expect(found).toEqual([position]);
      else expect(found.length).toBeLessThanOrEqual(1);
    }
  }
}

async function withOneLive(service: Service): Promise<HttpClient> {
  const http = new HttpClient(service.http);
  const version = await readyVersion(http, MODEL, 'first');
  await must(promote(http, MODEL, version));
  await readsCatchUp(http);
  return http;
}

const one = ({ status, body }: Answer<Live>) => [status, body.current?.version];
const readsGoOn = async (http: HttpClient) => {
  expect(one(await http.get<Live>(`/v1/models/${MODEL}/live`))).toEqual([200, 1]);
};
/** The views may come after the log: they are not synced on every commit, and may have had to wait for the disk themselves. */
const readsCatchUp = async (http: HttpClient) => {
  expect(one(await http.getCaughtUp<Live>(`/v1/models/${MODEL}/live`))).toEqual([200, 1]);
};

/** While the process is up it serves reads and refuses writes as an outage; when it ends, it ends as a failure. */
async function holdsUntil(
  service: Service,
  http: HttpClient,
  writer: Writer,
  deadlineMs: number,
): Promise<void> {
  const until = Date.now() + deadlineMs;
  while (service.running() && Date.now() < until) {
    await readsGoOn(http).catch((error: unknown) => {
      if (service.running() && !isBrokenConnection(error)) throw error;
    });
    await writer.write(http);
    await sleep(50);
  }
}

const isBrokenConnection = (error: unknown) => /ECONNRE|socket hang up|broke off/.test(String(error));

describe('a full disk', () => {
  let disk: Mount;
  beforeEach(() => (disk = using(tmpfs(16))));

  it('is answered with 503, reads go on, and with space again nothing that was acknowledged is missing', async () => {
    let service = await start(join(disk.path, 'data'));
    let http = await withOneLive(service);
    const filler = ballast(disk, 2048 * KIB);
    const writer = new Writer();

    await writer.writeUntilRefused(http);
    await holdsUntil(service, http, writer, 3_000);
    expect(writer.codes.length).toBeGreaterThan(0);
    expect(writer.codes.filter((code) => !OUTAGE.includes(code!))).toEqual([]);

    rmSync(filler);
    // It takes writes again by itself, or it has ended as a failure and whoever watches it starts it again.
    for (let i = 0; i < 200 && service.running() && !(await writer.write(http)); i++) await sleep(50);
    if (!service.running()) {
      const { code } = await service.ended;
      expect(code).toBeGreaterThan(0);
      service = await start(join(disk.path, 'data'));
      http.close();
      http = new HttpClient(service.http);
    }
    expect(await writer.write(http)).toBe(true);
    await readsCatchUp(http);
    await writer.reconcile(http);
    expect(writer.attempts.filter((attempt) => attempt.acked).length).toBeGreaterThan(2);
    http.close();
    await service.stop();
  }, 60_000);
});

describe('a disk that turns read-only while the service runs', () => {
  it('is answered with 503 until the process ends as a failure; after the repair nothing acknowledged is missing', async () => {
    const disk = using(failingDisk(32));
    let service = await start(join(disk.path, 'data'));
    let http = await withOneLive(service);
    const writer = new Writer();
    for (let i = 0; i < 10; i++) expect(await writer.write(http)).toBe(true);

    disk.fail();
    await holdsUntil(service, http, writer, 30_000);
    expect(service.running()).toBe(false);
    expect((await service.ended).code).toBeGreaterThan(0);
    expect(writer.codes.filter((code) => !OUTAGE.includes(code!) && code !== 'stopping')).toEqual([]);

    http.close();
    disk.repair();
    service = await start(join(disk.path, 'data'));
    http = new HttpClient(service.http);
    await readsCatchUp(http);
    await writer.reconcile(http);
    expect(await writer.write(http)).toBe(true);
    http.close();
    await service.stop();
  }, 90_000);
});

describe('a folder that cannot be written to', () => {
  let disk: Mount;
  beforeEach(() => (disk = using(tmpfs(16))));

  const refusal = async (data: string) => {
    const ended = await runToEnd({ GATEHOUSE_DATA: data });
    expect(ended.signal).toBeNull();
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.output).toContain(data);
    expect(ended.output).toMatch(/GATEHOUSE_DATA|read-only|cannot write|cannot be written|not writable/i);
    expect(ended.output).not.toContain('listening on');
  };

  it('ends the start with a message that names it', async () => {
    mkdirSync(join(disk.path, 'data'));
    makeReadOnly(disk);
    await refusal(join(disk.path, 'data'));
    await refusal(join(disk.path, 'not-there'));
  });

  it('does so too where there is a log already, and leaves it as it is', async () => {
    const data = join(disk.path, 'data');
    const before = await start(data);
    const http = await withOneLive(before);
    http.close();
    await before.stop();
    makeReadOnly(disk);
    await refusal(data);

    makeWritable(disk);
    const after = await start(data);
    const again = new HttpClient(after.http);
    await readsCatchUp(again);
    again.close();
    await after.stop();
  });

  it('does so where a file stands in its place', async () => {
    const ended = await runToEnd({ GATEHOUSE_DATA: __filename });
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.output).toContain(__filename);
  });
});
