import { randomUUID } from 'node:crypto';
import {
  ANY,
  BACKWARDS,
  END,
  ErrorType,
  eventTypeFilter,
  excludeSystemEvents,
  NO_STREAM,
  STREAM_EXISTS,
  streamNameFilter,
} from '@eventstore/db-client';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb';
import { credentials } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { newEvents } from '@gatehouse/eventsourcing/testing';
import { toBytes } from '../envelope';
import { appendMessages } from '../requests';
import { Bench, event, revisions, take } from './spec-tools';

const bench = new Bench();
afterEach(() => bench.clear());

describe('appends', () => {
  it('gives revisions from 0 and the position of the last event', async () => {
    const { server, client } = await bench.server();
    const result = await client.appendToStream('a', [event(), event()], { expectedRevision: NO_STREAM });
    const last = server.events().at(-1)!;
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(result.position).toEqual({ commit: BigInt(last.position), prepare: BigInt(last.position) });
  });

  it('lets one of many writers at the same revision win', async () => {
    const { client } = await bench.server();
    await client.appendToStream('a', event(), { expectedRevision: NO_STREAM });
    const race = Array.from({ length: 32 }, () =>
      client.appendToStream('a', event(), { expectedRevision: 0n }),
    );
    const ends = await Promise.allSettled(race);
    const losers = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    expect(losers).toHaveLength(31);
    for (const loser of losers) {
      expect(loser).toMatchObject({
        type: ErrorType.WRONG_EXPECTED_VERSION,
        expectedVersion: 0n,
        actualVersion: 1n,
      });
    }
  });

  it('refuses a stream that is there, that is not there, and a revision to come', async () => {
    const { client } = await bench.server();
    const refused = { type: ErrorType.WRONG_EXPECTED_VERSION };
    const append = (expectedRevision: bigint | typeof NO_STREAM | typeof STREAM_EXISTS) =>
      client.appendToStream('a', event(), { expectedRevision });
    await expect(append(STREAM_EXISTS)).rejects.toMatchObject(refused);
    await expect(append(0n)).rejects.toMatchObject({ ...refused, actualVersion: 'no_stream' });
    await append(NO_STREAM);
    await expect(append(NO_STREAM)).rejects.toMatchObject(refused);
    await expect(append(7n)).rejects.toMatchObject(refused);
    await expect(append(STREAM_EXISTS)).resolves.toMatchObject({ nextExpectedRevision: 1n });
  });

  it('takes the same ids again for the same append and drops what the data say', async () => {
    const { server, client } = await bench.server();
    const id = randomUUID();
    const first = await client.appendToStream('a', event({ n: 1 }, id), { expectedRevision: NO_STREAM });
    await client.appendToStream('a', event(), { expectedRevision: 0n });
    const length = server.events().length;
    const again = await client.appendToStream('a', event({ n: 2 }, id), { expectedRevision: NO_STREAM });
    expect(again).toEqual(first);
    expect(server.events()).toHaveLength(length);
    for await (const { event: read } of client.readStream('a', { maxCount: 1 })) {
      expect(read!.data).toEqual({ n: 1 });
    }
  });

  it('takes an append half of which is known for a wrong version', async () => {
    const { client } = await bench.server();
    const known = event();
    await client.appendToStream('a', [known, event()], { expectedRevision: NO_STREAM });
    const half = client.appendToStream('a', [known, event()], { expectedRevision: NO_STREAM });
    await expect(half).rejects.toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION });
  });

  it('knows the same ids again where any revision will do, but only in the same stream', async () => {
    const { client } = await bench.server();
    const same = event();
    await client.appendToStream('a', same, { expectedRevision: ANY });
    const again = await client.appendToStream('a', same, { expectedRevision: ANY });
    expect(again.nextExpectedRevision).toBe(0n);
    const elsewhere = await client.appendToStream('b', [same, event()], { expectedRevision: ANY });
    expect(elsewhere.nextExpectedRevision).toBe(1n);
  });

  it('writes nothing of an append that is over 1 MiB', async () => {
    const { client } = await bench.server();
    const large = [event(), event({ text: 'x'.repeat(1024 * 1024) })];
    await expect(client.appendToStream('a', large)).rejects.toMatchObject({
      type: ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED,
      maxAppendSize: 1024 * 1024,
    });
    await expect(revisions(client, 'a')).rejects.toMatchObject({ type: ErrorType.STREAM_NOT_FOUND });
  });

  it('refuses the same over the older append of 21.10 and gives it no position', async () => {
    const { client } = await bench.server({ version: '21.6.0' });
    const first = await client.appendToStream('a', event(), { expectedRevision: NO_STREAM });
    expect(first.position).toBeUndefined();
    const wrong = client.appendToStream('a', event(), { expectedRevision: NO_STREAM });
    await expect(wrong).rejects.toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION, actualVersion: 0n });
    expect((await client['capabilities']).serverVersion).toBe('unknown');
  });

  it('says its version, and gives stream reads no position before 22.10', async () => {
    const { client } = await bench.server({ version: '21.10.0' });
    await client.appendToStream('a', event());
    expect((await client['capabilities']).serverVersion).toBe('21.10.0');
    for await (const { event: read } of client.readStream('a')) {
      expect(read!.position).toEqual({ commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 1n });
    }
  });
});

describe('reads of a stream', () => {
  it('go both ways, from a revision, so many events', async () => {
    const { client } = await bench.server();
    await client.appendToStream('a', [event(), event(), event(), event()]);
    expect(await revisions(client, 'a', { fromRevision: 1n, maxCount: 2 })).toEqual([1, 2]);
    expect(await revisions(client, 'a', { direction: BACKWARDS, fromRevision: END, maxCount: 3 })).toEqual([
      3, 2, 1,
    ]);
    expect(await revisions(client, 'a', { direction: BACKWARDS, fromRevision: 1n })).toEqual([1, 0]);
    expect(await revisions(client, 'a', { fromRevision: 9n })).toEqual([]);
  });

  it('begin where a truncated stream begins', async () => {
    const { server, client } = await bench.server();
    await client.appendToStream('a', [event(), event(), event(), event()]);
    server.truncate('a', 2);
    expect(await revisions(client, 'a')).toEqual([2, 3]);
    await client.setStreamMetadata('a', { maxCount: 1 });
    expect(await revisions(client, 'a')).toEqual([3]);
  });

  it('do not find a softly deleted stream, which goes on at its next revision', async () => {
    const { client } = await bench.server();
    await client.appendToStream('a', [event(), event()]);
    await client.deleteStream('a');
    await expect(revisions(client, 'a')).rejects.toMatchObject({ type: ErrorType.STREAM_NOT_FOUND });
    await client.appendToStream('a', event(), { expectedRevision: NO_STREAM });
    expect(await revisions(client, 'a')).toEqual([2]);
  });

  it('and appends are refused after a tombstone', async () => {
    const { client } = await bench.server();
    await client.appendToStream('a', event());
    await client.tombstoneStream('a');
    await expect(revisions(client, 'a')).rejects.toMatchObject({ type: ErrorType.STREAM_DELETED });
    const append = client.appendToStream('a', event(), { expectedRevision: 0n });
    await expect(append).rejects.toMatchObject({ type: ErrorType.STREAM_DELETED });
  });
});

describe('$all', () => {
  it('has sparse positions, beyond 2^32, and events of the system and of others between ours', async () => {
    const { server, client } = await bench.server({ noise: 0.5, origin: 2 ** 40 });
    for (let n = 0; n < 40; n++) await client.appendToStream(`ours-${n}`, event());
    const all = [];
    for await (const { event: read } of client.readAll()) all.push(read!);
    const positions = all.map(({ position }) => position.commit);
    expect(positions).toEqual(server.events().map(({ position }) => BigInt(position)));
    expect(positions.every((position, n) => n === 0 || position > positions[n - 1]! + 60n)).toBe(true);
    expect(positions[0]).toBeGreaterThanOrEqual(2n ** 40n);
    const others = all.map(({ streamId }) => streamId).filter((name) => !name.startsWith('ours-'));
    expect(others.some((name) => name.startsWith('$stats'))).toBe(true);
    expect(others.some((name) => name.startsWith('order-'))).toBe(true);
  });

  it('is read from a position on, or what is before it backwards, but not from inside a record', async () => {
    const { server, client } = await bench.server({ noise: 0 });
    await client.appendToStream('a', [event(), event(), event()]);
    const [first, second] = server.events().slice(-3);
    const at = (position: number) => ({ commit: BigInt(position), prepare: BigInt(position) });
    const read = async (options: object) => {
      const seen: number[] = [];
      for await (const { event: one } of client.readAll(options)) seen.push(Number(one!.position.commit));
      return seen;
    };
    expect((await read({ fromPosition: at(second!.position) }))[0]).toBe(second!.position);
    expect((await read({ fromPosition: at(second!.position), direction: BACKWARDS, maxCount: 1 }))[0]).toBe(
      first!.position,
    );
    for (const nowhere of [second!.position + 1, server.log.endPosition])
      await expect(read({ fromPosition: at(nowhere) })).rejects.toThrow(/INVALID_ARGUMENT/);
    const { commit, prepare } = { ...at(second!.position), prepare: BigInt(first!.position) };
    await expect(read({ fromPosition: { commit, prepare } })).rejects.toThrow(/INVALID_ARGUMENT/);
    await expect(read({ fromPosition: at(second!.position + 1) })).rejects.toMatchObject({
      code: 3,
    });
  });

  it('is followed through a filter, first what is there and then what comes', async () => {
    const { server, client } = await bench.server();
    await client.appendToStream('ours-a', event());
    const subscription = client.subscribeToAll({ filter: streamNameFilter({ prefixes: ['ours-'] }) });
    subscription.once('caughtUp', () => {
      server.inject('theirs', [{ type: 'tested', data: {} }]);
      void client.appendToStream('ours-b', event());
    });
    const seen = await take(subscription, 2);
    expect(seen.map(({ streamId }) => streamId)).toEqual(['ours-a', 'ours-b']);
  });

  it('is filtered by type and by regular expression too', async () => {
    const { client } = await bench.server();
    await client.appendToStream('a', [event({}, randomUUID(), 'left'), event({}, randomUUID(), 'right')]);
    const byType = await take(client.subscribeToAll({ filter: eventTypeFilter({ prefixes: ['right'] }) }), 1);
    expect(byType[0]).toMatchObject({ type: 'right', revision: 1n });
    const [first] = await take(client.subscribeToAll({ filter: excludeSystemEvents() }), 1);
    expect(first!.type.startsWith('$')).toBe(false);
  });

  it('is followed from behind a position', async () => {
    const { server, client } = await bench.server({ noise: 0 });
    await client.appendToStream('a', [event(), event()]);
    const from = BigInt(server.events().at(-2)!.position);
    const [next] = await take(client.subscribeToAll({ fromPosition: { commit: from, prepare: from } }), 1);
    expect(next!.revision).toBe(1n);
  });

  it('gives checkpoints for events that the filter holds back', async () => {
    const { server, client } = await bench.server();
    const reached: bigint[] = [];
    const checkpoint = new Promise<void>((resolve) => {
      client.subscribeToAll({
        filter: streamNameFilter({
          prefixes: ['ours-'],
          checkpointInterval: 1,
          maxSearchWindow: 10,
          checkpointReached: async (_subscription, { commit }) => {
            if (reached.push(commit) === 3) resolve();
          },
        }),
      });
    });
    server.inject(
      'theirs',
      Array.from({ length: 40 }, () => ({ type: 'tested', data: {} })),
    );
    await checkpoint;
    const positions = server.events().map(({ position }) => BigInt(position));
    expect(reached.slice(0, 3)).toEqual([9, 19, 29].map((index) => positions[index]));
  });

  it('does not show after a scavenge what truncation had hidden', async () => {
    const { server, client } = await bench.server({ noise: 0 });
    await client.appendToStream('a', [event(), event(), event()]);
    server.truncate('a', 2);
    const count = async () => {
      let ours = 0;
      for await (const { event: one } of client.readAll()) if (one!.streamId === 'a') ours++;
      return ours;
    };
    expect(await count()).toBe(3);
    server.log.scavenge();
    expect(await count()).toBe(1);
  });
});

it('follows one stream', async () => {
  const { client } = await bench.server();
  const subscription = client.subscribeToStream('a');
  subscription.once('confirmation', () => void client.appendToStream('a', [event(), event()]));
  const seen = [];
  for await (const { event: one } of subscription) if (seen.push(one!.revision) === 2) break;
  expect(seen).toEqual([0n, 1n]);
});

it('writes nothing of an append whose connection is cut before it has ended', async () => {
  const { server } = await bench.server();
  const client = new StreamsClient(`${server.host}:${server.port}`, credentials.createInsecure());
  const call = client.append(() => undefined);
  for (const message of appendMessages('a', -1n, newEvents(3).map(toBytes))) call.write(message);
  await sleep(100);
  server.cutAll();
  await sleep(100);
  client.close();
  expect(server.log.stream('a')).toBeUndefined();
});
