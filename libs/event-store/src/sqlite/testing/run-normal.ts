import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../database';
import { LogWriter } from '../log-writer';
import { migrate } from '../schema';
import { ACKNOWLEDGED } from './recording';

/** The control: the same commits, but with synchronous=NORMAL, which a power cut must be seen to punish. */
function main(folder: string): void {
  const acknowledged = openSync(join(folder, ACKNOWLEDGED), 'w');
  const db = openDatabase(join(folder, 'events.db'), { readonly: false });
  migrate(db);
  db.pragma('synchronous = NORMAL');
  const log = new LogWriter(db, 100);
  for (let n = 0; n < 240; n++) {
    const event = { id: randomUUID(), type: 'test.Happened', meta: '{}', data: JSON.stringify({ n }) };
    log.commit([{ stream: 'a', expected: BigInt(n) - 1n, events: [event] }]);
    writeSync(acknowledged, `${event.id}\n`);
    log.checkpoint();
  }
}

main(process.argv[2]!);
