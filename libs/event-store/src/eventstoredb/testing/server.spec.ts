import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM, streamNameFilter } from '@eventstore/db-client';
import { type EsdbServer, startEsdbServer } from './server';

const event = (type = 'tested', id = randomUUID()) => jsonEvent({ id, type, data: { at: id } });

let server: EsdbServer;
let client: EventStoreDBClient;

beforeEach(async () => {
  server = await startEsdbServer();
  client = EventStoreDBClient.connectionString(server.connectionString);
});

afterEach(async () => {
  await client.dispose();
  await server.stop();
});

describe('the EventStoreDB server for tests', () => {
  it('appends, and reads what was appended', async () => {
    const result = await client.appendToStream('a', [event(), event()], { expectedRevision: NO_STREAM });
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const read = [];
    for await (const { event: found } of client.readStream('a')) read.push(found!.revision);
    expect(read).toEqual([0n, 1n]);
  });
  it('follows $all through a filter', async () => {
    await client.appendToStream('ours-a', event(), { expectedRevision: NO_STREAM });
    const subscription = client.subscribeToAll({ filter: streamNameFilter({ prefixes: ['ours-'] }) });
    const seen: string[] = [];
    setTimeout(
      () =>
        void client.appendToStream('theirs', event()).then(() => client.appendToStream('ours-b', event())),
      50,
    );
    for await (const { event: found } of subscription) {
      seen.push(found!.streamId);
      if (seen.length === 2) break;
    }
    await subscription.unsubscribe();
    expect(seen).toEqual(['ours-a', 'ours-b']);
  });
});
