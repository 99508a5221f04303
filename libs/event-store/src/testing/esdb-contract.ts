import { randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { eventStoreContract } from '@gatehouse/eventsourcing/testing';
import { Connection } from '../eventstoredb/connection';
import { wireEvent } from '../eventstoredb/esdb-event';
import { EventStoreDbEventStore } from '../eventstoredb/eventstoredb-event-store';
import { allBackwards } from '../eventstoredb/requests';
import { eventOf } from '../eventstoredb/stream-reader';
import { Wire } from '../eventstoredb/wire';

/** The promises of the port on an EventStoreDB that others may use, too: each test has a prefix of its own there. */
export function esdbContract(name: string, connection: () => string): void {
  eventStoreContract(
    name,
    async () => {
      const prefix = freshPrefix();
      const open = () => EventStoreDbEventStore.open({ connection: connection(), prefix });
      let store = await open();
      return {
        store,
        reopen: async () => {
          await store.close();
          return (store = await open());
        },
        close: async () => {
          await store.close();
          await deleteStreams(connection(), prefix);
        },
      };
    },
    true,
  );
}

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `test-${randomUUID()}-`;
}

/** Takes away what a test has left: every stream under its prefix. */
export async function deleteStreams(connectionString: string, prefix: string): Promise<void> {
  const connection = new Connection(connectionString);
  const client = EventStoreDBClient.connectionString(connectionString);
  try {
    for (const stream of await streamsUnder(new Wire(connection, 10_000), prefix))
      await client.deleteStream(stream);
  } finally {
    await client.dispose();
    await connection.close();
  }
}

/** From the end back to the first event of the log, so that a store that holds much else is not read from its beginning. */
async function streamsUnder(wire: Wire, prefix: string): Promise<Set<string>> {
  const streams = new Set<string>();
  for await (const answer of wire.read(allBackwards(prefix, 1_000_000))) {
    const event = eventOf(answer);
    if (!event) continue;
    const { stream, revision } = wireEvent(event, prefix);
    streams.add(stream);
    if (stream === prefix && revision === 0n) break;
  }
  return streams;
}
