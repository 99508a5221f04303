import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ErrorType } from '@eventstore/db-client';
import { collect, newEvent, toHead } from '@gatehouse/eventsourcing/testing';
import type { User } from './testing';
import { Bench, event, revisions } from './testing/spec-tools';

const bench = new Bench();
afterEach(() => bench.clear());

describe('a start', () => {
  it.each([
    ['22.6.2', {}, /version 22\.6\.2: 22\.10 or later is needed/],
    ['21.10.9', {}, /version 21\.10\.9: 22\.10 or later is needed/],
    ['20.10.2', { serverFeatures: false }, /older than 21\.10: 22\.10 or later is needed/],
  ])('on version %s is refused', async (version, options, message) => {
    const { server } = await bench.server({ version, ...options });
    await expect(bench.store(server.connectionString)).rejects.toThrow(message);
  });

  it('on version 22.10.0 is taken', async () => {
    const { server } = await bench.server({ version: '22.10.0' });
    const store = await bench.store(server.connectionString);
    await expect(store.append('a', -1n, [newEvent()])).resolves.toMatchObject({ revision: 0n });
  });

  it('waits for a server that is away, says why, and goes on when it is there', async () => {
    const { server } = await bench.server();
    await server.stop();
    const reasons: string[] = [];
    const opening = bench.store(server.connectionString, {
      startMs: 20_000,
      onWaiting: (why) => {
        reasons.push(why);
        if (reasons.length === 2) void server.start();
      },
    });
    await expect(opening).resolves.toBeDefined();
    expect(reasons.length).toBeGreaterThan(1);
    expect(reasons[0]).toMatch(/EventStoreDB does not answer/);
  });

  it('gives up on a server that stays away, and says what to check', async () => {
    const { server } = await bench.server();
    await server.stop();
    await expect(bench.store(server.connectionString, { startMs: 600 })).rejects.toThrow(
      /does not answer .* check the hosts and tls= in GATEHOUSE_EVENT_STORE/,
    );
  });

  it('waits, and says why, while the server looks through what others have in it', async () => {
    const { server } = await bench.server({ noise: 0, lookMs: 0.2 });
    server.inject(
      'order-1',
      Array.from({ length: 6_000 }, () => ({ type: 'OrderPlaced', data: {} })),
    );
    const reasons: string[] = [];
    const opening = bench.store(server.connectionString, {
      startMs: 500,
      onWaiting: (why) => reasons.push(why),
    });
    await expect(opening).resolves.toBeDefined();
    expect(reasons.length).toBeGreaterThan(1);
    expect(new Set(reasons)).toEqual(
      new Set([expect.stringMatching(/looks through all events in it .* at the first start$/)]),
    );
  });

  it('two at once make one log', async () => {
    const { server } = await bench.server();
    const stores = await Promise.all([1, 2, 3].map(() => bench.store(server.connectionString)));
    const names = await Promise.all(stores.map(async (store) => (await store.log()).logId));
    expect(new Set(names).size).toBe(1);
    expect(server.log.stream('gatehouse-')?.events).toHaveLength(1);
  });
});

describe('a place that belongs to others', () => {
  const foreign = [{ type: 'OrderPlaced', data: { n: 1 } }];

  it.each([
    [
      'streams under our prefix',
      'gatehouse-order-1',
      /do not belong to a log of Gatehouse.*EVENT_STORE_PREFIX/,
    ],
    [
      'a stream named like our prefix',
      'gatehouse-',
      /is not the beginning of a log of Gatehouse.*EVENT_STORE_PREFIX/,
    ],
  ])('is refused, and nothing is written: %s', async (_, stream, message) => {
    const { server } = await bench.server();
    server.inject(stream, foreign);
    const before = server.events().length;
    await expect(bench.store(server.connectionString)).rejects.toThrow(message);
    expect(server.events()).toHaveLength(before);
  });

  it('is refused when the first stream of the log was deleted', async () => {
    const { server } = await bench.server();
    const store = await bench.store(server.connectionString);
    await store.append('a', -1n, [newEvent()]);
    server.log.softDelete('gatehouse-');
    await expect(bench.store(server.connectionString)).rejects.toThrow(/its first stream .* was deleted/);
  });

  it('is left alone by another prefix', async () => {
    const { server } = await bench.server();
    server.inject('gatehouse-order-1', foreign);
    const store = await bench.store(server.connectionString, { prefix: 'ours-' });
    await store.append('a', -1n, [newEvent()]);
    expect(await toHead(store)).toHaveLength(1);
  });
});

describe('the user', () => {
  const tls = (users: Readonly<Record<string, User>>) => bench.server({ users, tls: true });
  const admin = { password: 'changeit', admin: true };

  it('and TLS come from the connection string, escapes and all', async () => {
    const { server } = await tls({ 'gate@house': { password: 'p:/?', readAll: true } });
    const store = await bench.store(server.connectionStringOf('gate%40house:p%3A%2F%3F'));
    await store.append('a', -1n, [newEvent()]);
    expect(await collect(store.read('a'))).toHaveLength(1);
  });

  it.each<[string, string, Partial<User>, RegExp]>([
    ['nobody', '', {}, /does not let the user .* read \$all/],
    ['somebody else', 'other:secret', {}, /does not know the user/],
    ['a wrong password', 'gatehouse:wrong-password', {}, /does not know the user.*or not with this password/],
    [
      'no right to read $all',
      'gatehouse:secret',
      { readAll: false },
      /read \$all \(\$r in the metadata of \$all\)/,
    ],
    [
      'no right to read our streams',
      'gatehouse:secret',
      { deny: { read: 'gatehouse-' } },
      /read streams that begin with "gatehouse-" \(\$r\)/,
    ],
    [
      'no right to read their metadata',
      'gatehouse:secret',
      { deny: { read: '$$gatehouse-' } },
      /read the metadata of .*\(\$mr\)/,
    ],
    [
      'no right to append',
      'gatehouse:secret',
      { deny: { append: 'gatehouse-' } },
      /append to streams that begin with "gatehouse-" \(\$w\)/,
    ],
  ])('is refused at the start, and told why: %s', async (_, credentials, rights, message) => {
    const { server } = await tls({ gatehouse: { password: 'secret', readAll: true, ...rights } });
    const opening = bench.store(server.connectionStringOf(credentials || undefined));
    const error = await opening.then(
      () => undefined,
      (refused: Error) => refused,
    );
    expect(error?.message).toMatch(message);
    expect(error?.message).toContain('libs/event-store/src/eventstoredb/README.md');
    expect(error?.message).not.toMatch(/wrong-password|secret/);
  });

  it('who may do it at the start and not later is told so', async () => {
    const { server } = await tls({ gatehouse: { password: 'secret', readAll: true } });
    const store = await bench.store(server.connectionStringOf('gatehouse:secret'));
    server.log.setMetadata('gatehouse-a', { $acl: { $w: 'admin' } });
    await expect(store.append('a', -1n, [newEvent()])).rejects.toThrow(/does not let this user append/);
  });

  it('has all that it needs after the script in the README, and nobody else has', async () => {
    const { server } = await tls({ admin, gatehouse: { password: 'secret' }, other: { password: 'o' } });
    const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
    const script = /^node - <<'EOF'\n([\s\S]*?)^EOF$/m.exec(readme)![1]!;
    server.log.setMetadata('$all', { $acl: { $r: ['auditor'] } });
    await runScript(script, {
      ESDB_ADMIN: server.connectionStringOf('admin:changeit'),
      GATEHOUSE_USER: 'gatehouse',
      OURS_ALONE: '1',
    });
    const store = await bench.store(server.connectionStringOf('gatehouse:secret'));
    await store.append('a', -1n, [newEvent()]);
    await store.append('a', 0n, [newEvent()]);
    expect(await toHead(store)).toHaveLength(2);
    const all = server.log.stream('$$$all')!.events.at(-1)!;
    expect(JSON.parse(Buffer.from(all.data).toString())).toEqual({
      $acl: { $r: ['$admins', 'gatehouse', 'auditor'] },
    });
    const denied = { type: ErrorType.ACCESS_DENIED };
    for (const who of ['gatehouse:secret', 'other:o']) {
      const client = bench.client(server.connectionStringOf(who));
      await expect(client.deleteStream('gatehouse-a')).rejects.toMatchObject(denied);
      await expect(client.setStreamMetadata('gatehouse-a', { maxCount: 1 })).rejects.toMatchObject(denied);
    }
    const other = bench.client(server.connectionStringOf('other:o'));
    await expect(other.appendToStream('gatehouse-a', event())).rejects.toMatchObject(denied);
    await expect(revisions(other, 'gatehouse-a')).rejects.toMatchObject(denied);
  });

  it('of a string that cannot be read is not repeated', async () => {
    await expect(bench.store('events://gatehouse:secret@host')).rejects.toThrow(
      /has the form esdb:\/\/user:password/,
    );
  });
});

const ROOT = resolve(__dirname, '../../../..');

async function runScript(script: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, ['-'], { cwd: ROOT, env, stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(script);
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
}
