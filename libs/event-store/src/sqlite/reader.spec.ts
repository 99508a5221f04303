import { join } from 'node:path';
import { newEvents } from '@gatehouse/eventsourcing/testing';
import { LogReader } from './reader';
import { SqliteEventStore } from './sqlite-event-store';
import { Folders } from './testing/folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

it('to follow a stream from its end costs what is new, however long the stream is', async () => {
  const file = join(folders.make(), 'events.db');
  const store = await SqliteEventStore.open({ file });
  const long = 100_000;
  for (let at = 0; at < long; at += 1_000) await store.append('long', BigInt(at) - 1n, newEvents(1_000));
  await store.append('short', -1n, newEvents(1));
  const reader = new LogReader(file);
  /** The fastest of many turns at the end, each as after somebody's commit. */
  const turn = (stream: string) => {
    const page = reader.allOf(stream, reader.head(), { follow: true });
    const times = Array.from({ length: 100 }, () => {
      const since = performance.now();
      expect(page()).toEqual({ rows: [], then: 'wait' });
      return performance.now() - since;
    });
    return Math.min(...times);
  };
  const short = turn('short');
  expect(turn('long')).toBeLessThan(Math.max(10 * short, 0.5));
  reader.close();
  await store.close();
}, 60_000);
