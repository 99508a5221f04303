import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutcomeUnknown, StoreUnavailable } from '@gatehouse/eventsourcing';
import { collect, eventOf, ids, newEvent, newEvents, toHead } from '@gatehouse/eventsourcing/testing';
import { verify } from './maintenance';
import { SqliteEventStore } from './sqlite-event-store';
import { killAll, start } from './testing/child';
import { Folders } from './testing/folders';
import { compileShim } from './testing/shim';

const folders = new Folders();
const MIB = 1024 * 1024;
let store: SqliteEventStore;

afterEach(async () => {
  await killAll();
  await store?.close();
  folders.removeAll();
});

/** Appends until the disk is full; the ids that were acknowledged, and the error of the one that was not. */
async function fill(stream: string): Promise<{ acknowledged: string[]; error: Error }> {
  const acknowledged: string[] = [];
  for (;;) {
    const event = eventOf(100_000);
    try {
      await store.append(stream, BigInt(acknowledged.length) - 1n, [event]);
      acknowledged.push(event.id);
    } catch (error) {
      return { acknowledged, error: error as Error };
    }
  }
}

describe('a full disk', () => {
  it('makes one outcome unknown, then appends unavailable; what was acknowledged stays, reads go on', async () => {
    const file = join(folders.mount(6 * MIB), 'events.db');
    store = await SqliteEventStore.open({ file });
    const { acknowledged, error } = await fill('a');
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(acknowledged.length).toBeGreaterThan(10);
    await expect(store.append('b', -1n, [newEvent()])).rejects.toThrow(StoreUnavailable);
    expect(store.stats()).toMatchObject({ writable: false, queued: 0 });
    expect(store.stats().reason).toMatch(/FULL/);
    expect(ids(await collect(store.read('a')))).toEqual(acknowledged);
    expect(ids(await toHead(store))).toEqual(acknowledged);
  });

  it('answers every append of the batch in doubt as unknown', async () => {
    store = await SqliteEventStore.open({ file: join(folders.mount(6 * MIB), 'events.db') });
    const appends = Array.from({ length: 100 }, (_, n) => store.append(`s-${n}`, -1n, [eventOf(100_000)]));
    const results = await Promise.allSettled(appends);
    const stored = new Set((await toHead(store)).map(({ stream }) => stream));
    const unknown = results.filter(({ status }) => status === 'rejected');
    expect(unknown.length).toBeGreaterThan(0);
    for (const [n, result] of results.entries())
      if (result.status === 'fulfilled') expect(stored).toContain(`s-${n}`);
      else if (result.reason instanceof StoreUnavailable) expect(stored).not.toContain(`s-${n}`);
      else expect(result.reason).toBeInstanceOf(OutcomeUnknown);
  });

  it('is over when there is room again: appends go on, and the same ids may be sent again', async () => {
    const disk = folders.mount(8 * MIB);
    const file = join(disk, 'events.db');
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(4 * MIB));
    store = await SqliteEventStore.open({ file });
    const { acknowledged } = await fill('a');
    rmSync(join(disk, 'ballast'));
    const event = newEvent();
    const revision = BigInt(acknowledged.length) - 1n;
    const until = Date.now() + 10_000;
    while (!store.stats().writable && Date.now() < until) await sleep(50);
    expect((await store.append('a', revision, [event])).revision).toBe(revision + 1n);
    expect(ids(await collect(store.read('a')))).toEqual([...acknowledged, event.id]);
    await store.close();
    expect(verify(file).problems).toEqual([]);
  });

  it('that stays full ends the store: `failed` resolves, so that the process ends', async () => {
    const file = join(folders.mount(4 * MIB), 'events.db');
    store = await SqliteEventStore.open({ file, giveUpMs: 100 });
    const { acknowledged } = await fill('a');
    expect((await store.failed).message).toMatch(/ENOSPC|FULL/);
    await expect(store.append('a', 0n, [newEvent()])).rejects.toThrow(StoreUnavailable);
    expect(ids(await collect(store.read('a')))).toEqual(acknowledged);
  });
});

describe('a disk that cannot sync', () => {
  it('leaves the appends in doubt unknown and ends the store; what was acknowledged is there afterwards', async () => {
    const folder = folders.make();
    const file = join(folder, 'events.db');
    const broken = join(folder, 'broken');
    const run = start(join(__dirname, 'testing/run-broken.ts'), [file, broken], {
      LD_PRELOAD: compileShim('fail-sync', folder),
      GATEHOUSE_BROKEN_WHILE: broken,
    });
    const told: { id: string; outcome: string }[] = [];
    for await (const line of { [Symbol.asyncIterator]: () => run.lines })
      told.push(JSON.parse(line) as never);
    expect(await run.exited).toMatchObject({ code: 3 });
    const with_ = (outcome: string) => told.filter((each) => each.outcome === outcome).map(({ id }) => id);
    expect(with_('appended')).toHaveLength(20);
    expect(with_('OutcomeUnknown')).toHaveLength(2);
    expect(with_('StoreUnavailable')).toHaveLength(1);
    expect(told.map(({ outcome }) => outcome)).toContainEqual(expect.stringMatching(/^SQLITE_IOERR_FSYNC/));
    expect(with_('read')).toEqual(with_('appended'));
    store = await SqliteEventStore.open({ file });
    const stored = ids(await toHead(store));
    expect(stored).toEqual(expect.arrayContaining(with_('appended')));
    expect(stored).not.toContain(with_('StoreUnavailable')[0]);
    expect(verify(file).problems).toEqual([]);
  });
});

describe('a damaged file', () => {
  it('ends the store at once: there is no way on for this process', async () => {
    const file = join(folders.make(), 'events.db');
    store = await SqliteEventStore.open({ file });
    for (let n = 0; n < 30; n++) await store.append(`s-${n}`, -1n, newEvents(100));
    await store.close();
    store = await SqliteEventStore.open({ file });
    // Another process writes over it, all but the first page; ours would drop its locks when it closed the file.
    const damage = `dd if=/dev/zero of=${file} bs=4096 seek=1 count=2000 conv=notrunc`;
    execFileSync('sh', ['-c', damage], { stdio: 'ignore' });
    await expect(store.append('s-1', 99n, [newEvent()])).rejects.toThrow(StoreUnavailable);
    expect((await store.failed).message).toMatch(/SQLITE_CORRUPT/);
    await expect(store.append('s-1', 99n, [newEvent()])).rejects.toThrow(StoreUnavailable);
  });
});

describe('the writer', () => {
  it('that cannot be started rejects the opening with the reason', async () => {
    const folder = folders.make();
    const file = join(folder, 'events.db');
    writeFileSync(file, 'this is not a database, but a text of some length. '.repeat(100));
    await expect(SqliteEventStore.open({ file })).rejects.toThrow('file is not a database');
  });
});
