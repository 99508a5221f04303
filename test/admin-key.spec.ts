import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEsdbServer } from '../libs/event-store/src/eventstoredb/testing';
import { PLATFORM } from './support/keys';
import { type Service, type Settings, startService } from './support/service';

const ROOT = join(__dirname, '..');
const PROGRAM = join(ROOT, 'dist/apps/api/src/admin-key.js');

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-admin-key-'));
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

/** `npm run admin-key`, as it is built. */
async function adminKey(settings: Settings, ...args: string[]): Promise<{ code: number; output: string }> {
  const env = { PATH: process.env['PATH'], ...settings };
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: ROOT, env });
  let output = '';
  for (const from of [child.stdout, child.stderr])
    from.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

const fileIn = (data: string) => join(data, 'admin.key');
const keyIn = (file: string) => readFileSync(file, 'utf8').trim();
const get = (service: Service, path: string, key: string) =>
  fetch(`${service.http}${path}`, { headers: { authorization: `Bearer ${key}` } });
const me = async (service: Service, key: string) =>
  (await (await get(service, '/v1/access/me', key)).json()) as Record<string, unknown>;
type Told = { type: string; actor: object; data: { key: string; actor: object; roles: object[] } };
const told = async (service: Service, key: string): Promise<Told[]> =>
  (await (await get(service, '/v1/access/events', key)).text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);

async function openTenant(service: Service, tenant: string): Promise<void> {
  const headers = { authorization: `Bearer ${PLATFORM.key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ tenant });
  expect((await fetch(`${service.http}/v1/tenants`, { method: 'POST', headers, body })).status).toBe(201);
}

describe('npm run admin-key, on the embedded log', () => {
  it('makes a key for an admin who has lost it: in the file, with every role, for auditors to see, and never printed', async () => {
    const data = freshData();
    const first = await start({ GATEHOUSE_DATA: data });
    const lost = keyIn(fileIn(data));
    await first.stop();
    rmSync(fileIn(data));
    const { code, output } = await adminKey({ GATEHOUSE_DATA: data });
    expect(code).toBe(0);
    expect(output).toContain(fileIn(data));
    expect(statSync(fileIn(data)).mode & 0o777).toBe(0o600);
    const key = keyIn(fileIn(data));
    expect(output).not.toContain(key.split('_').at(-1));
    expect(key).not.toBe(lost);

    const again = await start({ GATEHOUSE_DATA: data });
    expect(await me(again, key)).toMatchObject({ tenant: 'default', actor: { id: 'admin', kind: 'user' } });
    const events = await told(again, key);
    const gatehouse = { id: 'gatehouse', kind: 'service' };
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([
      ['access.TenantOpened', gatehouse],
      ['access.KeyIssued', gatehouse],
    ]);
    expect(events[1]!.data).toEqual({ ...events[0]!.data, key: key.split('_')[2] });
    expect(events[1]!.data.roles).toHaveLength(9);
  });

  it('keeps the key of another tenant that is in the file: it is put aside', async () => {
    const data = freshData();
    const first = await start({ GATEHOUSE_DATA: data });
    await openTenant(first, 'acme');
    const others = keyIn(fileIn(data));
    await first.stop();
    const { code, output } = await adminKey({ GATEHOUSE_DATA: data }, '--tenant', 'acme');
    expect(code).toBe(0);
    const [aside] = readdirSync(data).filter((name) => name.startsWith('admin.key.replaced-'));
    expect(output).toContain(join(data, aside!));
    expect(keyIn(join(data, aside!))).toBe(others);
    expect(statSync(join(data, aside!)).mode & 0o777).toBe(0o600);
    const again = await start({ GATEHOUSE_DATA: data });
    expect(await me(again, keyIn(fileIn(data)))).toMatchObject({ tenant: 'acme', actor: { id: 'admin' } });
    expect(await me(again, others)).toMatchObject({ tenant: 'default' });
  });

  it('is refused while the service runs, and for a tenant that there is not; nothing is changed then', async () => {
    const data = freshData();
    const service = await start({ GATEHOUSE_DATA: data });
    const key = keyIn(fileIn(data));
    const running = await adminKey({ GATEHOUSE_DATA: data });
    expect(running).toMatchObject({ code: 1 });
    expect(running.output).toMatch(/^gatehouse: the service runs on .*events\.db; stop it first$/m);
    await service.stop();
    const unknown = await adminKey({ GATEHOUSE_DATA: data }, '--tenant', 'nobody');
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.output).toMatch(/^gatehouse: there is no tenant nobody/m);
    const malformed = await adminKey({ GATEHOUSE_DATA: data }, '--tenant', 'No Body');
    expect(malformed).toMatchObject({ code: 1 });
    expect(keyIn(fileIn(data))).toBe(key);
    expect(readdirSync(data).filter((name) => name.startsWith('admin.key'))).toEqual(['admin.key']);
    const again = await start({ GATEHOUSE_DATA: data });
    expect(await told(again, key)).toHaveLength(1);
  });

  it('makes no log where there is none', async () => {
    const data = freshData();
    const { code, output } = await adminKey({ GATEHOUSE_DATA: data });
    expect(code).toBe(1);
    expect(output).toMatch(/there is no log at .*set GATEHOUSE_DATA/);
    expect(existsSync(data)).toBe(false);
  });
});

it('npm run admin-key, on EventStoreDB, works beside the replicas that run, and they take the key', async () => {
  const server = await startEsdbServer();
  try {
    const data = freshData();
    const settings = { GATEHOUSE_DATA: data, GATEHOUSE_EVENT_STORE: server.connectionString };
    const service = await start(settings);
    const lost = keyIn(fileIn(data));
    // On the machine of the replica, and on another one.
    for (const at of [data, freshData()]) {
      const { code, output } = await adminKey({ ...settings, GATEHOUSE_DATA: at });
      expect([code, output]).toEqual([0, expect.stringContaining(fileIn(at))]);
      const key = keyIn(fileIn(at));
      expect(key).not.toBe(lost);
      const began = performance.now();
      while ((await get(service, '/v1/access/me', key)).status !== 200)
        expect(performance.now() - began).toBeLessThan(30_000);
    }
    expect((await told(service, lost)).map(({ type }) => type)).toEqual([
      'access.TenantOpened',
      'access.KeyIssued',
      'access.KeyIssued',
    ]);
    const none = await adminKey(settings, '--tenant', 'nobody');
    expect(none).toMatchObject({ code: 1 });
  } finally {
    await Promise.all(open.splice(0).map((service) => service.kill()));
    await server.stop();
  }
});
