import { ErrorType, NO_STREAM, streamNameFilter } from '@eventstore/db-client';
import { EsdbProcess } from './esdb-process';
import type { FaultKind } from './faults';
import { Faults } from './faults';
import { Bench, event, revisions, SILENCE, take, within } from './spec-tools';

const bench = new Bench();
afterEach(() => bench.clear());

const fresh = { expectedRevision: NO_STREAM } as const;

describe('an append', () => {
  it.each<[FaultKind, ErrorType | typeof SILENCE, boolean]>([
    ['unavailable', ErrorType.UNAVAILABLE, false],
    ['busy', ErrorType.UNKNOWN, false],
    ['deadline', ErrorType.DEADLINE_EXCEEDED, false],
    ['reset', ErrorType.UNAVAILABLE, false],
    ['hang', SILENCE, false],
    ['lost-answer', ErrorType.UNAVAILABLE, true],
    ['deadline-after-commit', ErrorType.DEADLINE_EXCEEDED, true],
    ['reset-after-commit', ErrorType.UNAVAILABLE, true],
    ['hang-after-commit', SILENCE, true],
  ])('that meets "%s" ends as %s; committed: %s', async (kind, type, committed) => {
    const { server, client } = await bench.server();
    await client.appendToStream('connected', event());
    server.faults.next('append', kind);
    const append = within(400, client.appendToStream('a', event(), fresh));
    if (type === SILENCE) expect(await append).toBe(SILENCE);
    else await expect(append).rejects.toMatchObject({ type });
    expect(server.log.stream('a') !== undefined).toBe(committed);
    expect(server.faults.counts()).toEqual({ [`append ${kind}`]: 1 });
  });

  it.each<[FaultKind, ErrorType]>([
    ['busy', ErrorType.UNAVAILABLE],
    ['lost-answer', ErrorType.UNAVAILABLE],
    ['deadline-after-commit', ErrorType.DEADLINE_EXCEEDED],
  ])('by the older call that meets "%s" ends as %s', async (kind, type) => {
    const { server, client } = await bench.server({ serverFeatures: false });
    server.faults.next('append', kind);
    await expect(client.appendToStream('a', event(), fresh)).rejects.toMatchObject({ type });
  });

  it('can be repeated after its answer was lost', async () => {
    const { server, client } = await bench.server();
    const once = event();
    server.faults.next('append', 'reset-after-commit');
    await expect(client.appendToStream('a', once, fresh)).rejects.toMatchObject({ code: 14 });
    await expect(client.appendToStream('a', once, fresh)).resolves.toMatchObject({
      nextExpectedRevision: 0n,
    });
    expect(await revisions(client, 'a')).toEqual([0]);
  });

  it('is told who leads, and goes there', async () => {
    const { cluster, client } = await bench.cluster(2);
    await client.appendToStream('a', event());
    cluster.lead(1);
    cluster.nodes[0]!.faults.next('append', 'not-leader');
    await expect(client.appendToStream('a', event())).rejects.toMatchObject({
      type: ErrorType.NOT_LEADER,
      leader: { port: cluster.nodes[1]!.port },
    });
    await cluster.nodes[0]!.stop();
    await expect(client.appendToStream('a', event())).resolves.toMatchObject({ nextExpectedRevision: 1n });
  });
});

it('a follower passes on what need not go to the leader', async () => {
  const { cluster, client } = await bench.cluster(2);
  await client.appendToStream('a', event());
  cluster.lead(1);
  await client.appendToStream('a', event(), { expectedRevision: 0n });
  await expect(revisions(client, 'a', { requiresLeader: true })).rejects.toMatchObject({
    type: ErrorType.NOT_LEADER,
  });
  expect(await revisions(client, 'a', { requiresLeader: true })).toEqual([0, 1]);
});

describe('a read', () => {
  it.each<[FaultKind, number]>([
    ['unavailable', 0],
    ['deadline', 0],
    ['not-leader', 0],
    ['reset', 0],
    ['unavailable-midway', 2],
    ['reset-midway', 2],
  ])('that meets "%s" fails after %s events', async (kind, after) => {
    const { server, client } = await bench.server();
    await client.appendToStream('a', [event(), event(), event(), event()]);
    server.faults.next('read', kind, { after });
    const seen: bigint[] = [];
    const read = (async () => {
      for await (const { event: one } of client.readStream('a')) seen.push(one!.revision);
    })();
    await expect(read).rejects.toMatchObject({ code: expect.any(Number) as number });
    expect(seen.length).toBeLessThanOrEqual(after);
    expect(await revisions(client, 'a')).toHaveLength(4);
  });

  it('can fall silent in its middle', async () => {
    const { server, client } = await bench.server();
    await client.appendToStream('a', [event(), event(), event()]);
    server.faults.next('read', 'stall', { after: 1 });
    expect(await within(200, revisions(client, 'a'))).toBe(SILENCE);
  });
});

describe('a subscription', () => {
  const filter = streamNameFilter({ prefixes: ['ours-'] });

  it.each<[FaultKind, ErrorType]>([
    ['too-slow', ErrorType.TIMEOUT],
    ['unavailable-midway', ErrorType.UNAVAILABLE],
    ['reset-midway', ErrorType.UNAVAILABLE],
  ])('that meets "%s" ends as %s', async (kind, type) => {
    const { server, client } = await bench.server();
    await client.appendToStream('ours-a', [event(), event(), event()]);
    server.faults.next('subscribe', kind, { after: 2 });
    await expect(take(client.subscribeToAll({ filter }), 3)).rejects.toMatchObject({ type });
  });

  it('can stall while the log moves', async () => {
    const { server, client } = await bench.server();
    server.faults.next('subscribe', 'stall', { after: 1 });
    const following = take(client.subscribeToAll({ filter }), 2);
    await client.appendToStream('ours-a', [event(), event()]);
    expect(await within(200, following)).toBe(SILENCE);
  });

  it('can go on with checkpoints and without events', async () => {
    const { server, client } = await bench.server();
    server.faults.next('subscribe', 'checkpoints-only');
    let events = 0;
    const checkpoint = new Promise<bigint>((resolve) => {
      const found = client.subscribeToAll({
        filter: {
          ...filter,
          maxSearchWindow: 10,
          checkpointReached: async (_, { commit }) => resolve(commit),
        },
      });
      found.on('data', () => events++);
    });
    const appended = await client.appendToStream(
      'ours-a',
      Array.from({ length: 20 }, () => event()),
    );
    expect(await checkpoint).toBeLessThan(appended.position!.commit);
    expect(events).toBe(0);
  });
});

it('gives the same faults for the same seed, at about the rate asked for', () => {
  const draw = (seed: number) => {
    const faults = new Faults();
    faults.atRandom({ rate: 0.05, seed });
    return Array.from({ length: 4_000 }, () => faults.draw('append')?.kind);
  };
  expect(draw(3)).toEqual(draw(3));
  const hits = draw(3).filter((kind) => kind !== undefined).length;
  expect(hits).toBeGreaterThan(140);
  expect(hits).toBeLessThan(260);
});

it('refuses to script what cannot happen', () => {
  expect(() => new Faults().next('append', 'too-slow')).toThrow(/append cannot fail as too-slow/);
});

it('stops, and starts again on the same port with the same log', async () => {
  const { server, client } = await bench.server();
  await client.appendToStream('a', event());
  await server.stop();
  await expect(client.appendToStream('a', event())).rejects.toMatchObject({ code: 14 });
  await server.start();
  await expect(client.appendToStream('a', event())).resolves.toMatchObject({ nextExpectedRevision: 1n });
});

describe('rights', () => {
  const users = {
    admin: { password: 'changeit', admin: true },
    app: { password: 'secret', readAll: true, deny: { append: 'theirs' } },
    plain: { password: 'p' },
  };

  it('are asked for over TLS, by stream and for $all', async () => {
    const { server, client } = await bench.server({ users, tls: true });
    const denied = { type: ErrorType.ACCESS_DENIED };
    const as = (credentials: string) => bench.client(server.connectionStringOf(credentials));
    const app = as('app:secret');
    await app.appendToStream('ours-a', event());
    expect(await revisions(app, 'ours-a')).toEqual([0]);
    await expect(app.appendToStream('theirs', event())).rejects.toMatchObject(denied);
    await expect(app.appendToStream('$settings', event())).rejects.toMatchObject(denied);
    await expect(take(app.subscribeToAll(), 1)).resolves.toHaveLength(1);
    await expect(take(as('plain:p').subscribeToAll(), 1)).rejects.toMatchObject({ ...denied, code: 7 });
    await expect(revisions(as('app:wrong'), 'ours-a')).rejects.toMatchObject({ ...denied, code: 16 });
    await expect(revisions(client, 'ours-a')).rejects.toMatchObject(denied);
  });
});

it('runs as a process of its own and obeys through its door', async () => {
  const process = await EsdbProcess.start({ noise: 0 });
  try {
    const client = bench.client(process.connectionString);
    await process.tell({ do: 'next', call: 'append', kind: 'lost-answer' });
    await expect(client.appendToStream('a', event({ n: 1 }))).rejects.toMatchObject({ code: 14 });
    expect(await process.counts()).toEqual({ 'append lost-answer': 1 });
    expect((await process.events()).at(-1)).toMatchObject({ stream: 'a', revision: 0, data: '{"n":1}' });
    await bench.clear();
  } finally {
    await process.stop();
  }
});
