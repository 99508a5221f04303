import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEsdbServer, type EsdbServer } from '../../../../libs/event-store/src/eventstoredb/testing';
import { PLATFORM } from '../../../../test/support/keys';
import { Edge } from '../testing/edge';

// What one replica let in is not refused by another that has not heard of it yet.

type Key = { id: string; key: string };

let server: EsdbServer;
let here: Edge;
let there: Edge;
let folder: string;
let admin: { authorization: string };

beforeAll(async () => {
  server = await startEsdbServer();
  here = await Edge.open({ eventStore: server.connectionString });
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-there-'));
  copyFileSync(join(here.folder, 'admin.key'), join(folder, 'admin.key'));
  there = await Edge.open({ data: folder, eventStore: server.connectionString });
  admin = { authorization: `Bearer ${await here.keys.admin()}` };
  await here.promoted('m', 1);
}, 30_000);
afterAll(async () => {
  await here?.close();
  await there?.close();
  rmSync(folder, { recursive: true, force: true });
  await server?.stop();
});

/** As of now the other replica knows the access of the tenant, and asks for it no more for a second. */
async function heard(): Promise<void> {
  expect((await there.http('/v1/models', { headers: admin })).status).toBe(200);
}

/** What the other replica answers over both doors, one of them at a time, because the first look may bring news for the second. */
async function asked(door: string, key: string): Promise<string | number> {
  const authorization = `Bearer ${key}`;
  if (door === 'HTTP') return (await there.http('/v1/models', { headers: { authorization } })).status;
  return (await there.rpc('ListModels', {}, { authorization })).code;
}

async function keyFor(roles: object[]): Promise<Key> {
  const made = await here.post('/v1/access/keys', { actor: 'olga', kind: 'user', roles }, admin);
  expect(made.status).toBe(201);
  return made.body as Key;
}

describe.each([
  ['HTTP', 200],
  ['gRPC', 0],
])('a read over %s on another replica', (door, well) => {
  it('is let in with a key that was issued a moment ago', async () => {
    await heard();
    const { key } = await keyFor([{ role: 'reader' }]);
    expect(await asked(door, key)).toBe(well);
  });

  it('is allowed by a role that was granted a moment ago', async () => {
    const { id, key } = await keyFor([{ role: 'admin' }]);
    await heard();
    await here.post('/v1/access/grants', { to: { key: id }, role: 'reader' }, admin);
    expect(await asked(door, key)).toBe(well);
  });

  it('is let in when the tenant may go on', async () => {
    const platform = { authorization: `Bearer ${PLATFORM.key}` };
    const { key } = await keyFor([{ role: 'reader' }]);
    await here.post('/v1/tenants/default/suspension', {}, platform);
    // Who is suspended waits for what is new, and the next second goes by that.
    expect((await there.http('/v1/models', { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      403,
    );
    await here.http('/v1/tenants/default/suspension', { method: 'DELETE', headers: platform });
    expect(await asked(door, key)).toBe(well);
  });

  it('is refused as before where nothing new lets it in', async () => {
    const { key } = await keyFor([{ role: 'admin' }]);
    await heard();
    expect(await asked(door, key)).toBe(door === 'HTTP' ? 403 : 7);
    expect(await asked(door, `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`)).toBe(
      door === 'HTTP' ? 401 : 16,
    );
  });
});
