import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ids, newEvents, toHead } from '@gatehouse/eventsourcing/testing';
import { backup, newLogIdentity, verify } from './maintenance';
import { SqliteEventStore } from './sqlite-event-store';
import { Folders } from './testing/folders';

const folders = new Folders();
let folder: string;
let file: string;
let store: SqliteEventStore;

beforeEach(async () => {
  folder = folders.make();
  file = join(folder, 'events.db');
  store = await SqliteEventStore.open({ file });
  for (let n = 0; n < 5; n++) await store.append(`s-${n}`, -1n, newEvents(20));
});
afterEach(async () => {
  await store.close();
  folders.removeAll();
});

describe('verify', () => {
  it('finds nothing wrong with a log in use, and counts it', async () => {
    const { logId, head } = await store.log();
    expect(verify(file)).toEqual({ logId, head, events: 100n, streams: 5n, problems: [] });
  });

  it.each([
    [
      'a gap',
      'DROP TRIGGER events_never_go; DELETE FROM events WHERE revision = 7',
      /stream s-0 ends at revision 19 but has 19 events/,
    ],
    ['a trigger that is gone', 'DROP TRIGGER events_never_change', /events_never_change is missing/],
    [
      'what is not JSON',
      `DROP TRIGGER events_never_change; UPDATE events SET data = 'x' WHERE position = 3`,
      /position 3 is not JSON/,
    ],
  ])('finds %s', async (_, statement, problem) => {
    const db = new Database(file);
    db.exec(statement);
    db.close();
    expect(verify(file).problems.join('\n')).toMatch(problem);
  });

  it('finds damage', async () => {
    await store.close();
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${file} bs=4096 seek=8 count=2 conv=notrunc`], {
      stdio: 'ignore',
    });
    let found: string;
    try {
      found = verify(file).problems.join('\n');
    } catch (error) {
      found = String(error);
    }
    expect(found).toMatch(/damaged|malformed/);
  });
});

describe('backup', () => {
  it('is the whole log at one moment, while appends go on', async () => {
    const to = join(folder, 'copy.db');
    const appends = newEvents(200).map((event, n) => store.append(`more-${n}`, -1n, [event]));
    backup(file, to);
    await Promise.all(appends);
    const copy = verify(to);
    expect(copy.problems).toEqual([]);
    expect(copy.logId).toBe((await store.log()).logId);
    const restored = await SqliteEventStore.open({ file: to });
    const events = await toHead(restored);
    expect(ids(events)).toEqual(ids((await toHead(store)).slice(0, events.length)));
    expect(events.length).toBeGreaterThanOrEqual(100);
    await restored.close();
  });

  it('overwrites nothing', async () => {
    const to = join(folder, 'copy.db');
    backup(file, to);
    expect(() => backup(file, to)).toThrow('exists; a backup overwrites nothing');
  });

  it('of a log that is not there makes nothing', () => {
    const missing = join(folder, 'missing.db');
    expect(() => backup(missing, join(folder, 'copy.db'))).toThrow();
    expect([existsSync(missing), existsSync(join(folder, 'copy.db'))]).toEqual([false, false]);
  });
});

describe('a new identity', () => {
  it('makes a restored copy another log, with the same events', async () => {
    const to = join(folder, 'restored.db');
    backup(file, to);
    const before = verify(to);
    const logId = newLogIdentity(to);
    expect(logId).not.toBe(before.logId);
    expect(verify(to)).toEqual({ ...before, logId });
  });

  it('is not given to a log that is in use, or that is not there', () => {
    expect(() => newLogIdentity(file)).toThrow('is in use by another process');
    expect(() => newLogIdentity(join(folder, 'missing.db'))).toThrow('there is no log at');
    expect(existsSync(join(folder, 'missing.db'))).toBe(false);
  });
});
