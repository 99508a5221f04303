import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteEventStore } from '../sqlite-event-store';
import { ACKNOWLEDGED } from './recording';

const CLIENTS = 8;
const APPENDS = 30;

/** A run to record: the adapter as it is, under load, with checkpoints and a restart in the middle. */
async function main(folder: string): Promise<void> {
  const acknowledged = openSync(join(folder, ACKNOWLEDGED), 'w');
  for (let round = 0; round < 2; round++) {
    const store = await SqliteEventStore.open({ file: join(folder, 'events.db'), checkpointPages: 100 });
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        for (let n = 0, revision = -1n; n < APPENDS; n++) {
          const event = {
            id: randomUUID(),
            type: 'test.Happened',
            data: { text: 'x'.repeat(((client * 37 + n * 101) % 60) * 100) },
            meta: {},
          };
          ({ revision } = await store.append(`s-${round}-${client}`, revision, [event]));
          writeSync(acknowledged, `${event.id}\n`);
        }
      }),
    );
    await store.close();
  }
}

main(process.argv[2]!).catch((error: Error) => {
  console.error(error);
  process.exit(1);
});
