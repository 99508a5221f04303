import { accessStream } from '@gatehouse/domain';
import { OutcomeUnknown, StoreUnavailable, type Appended, type NewEvent } from '@gatehouse/eventsourcing';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { parseApiKey } from '@gatehouse/identity';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaveAdminKey } from './admin-key-file';

/** A log that is not there, or whose answers are lost. */
class FailingStore extends MemoryEventStore {
  failing: 'away' | 'mute' | undefined;

  override async append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended> {
    if (this.failing === 'away') throw new StoreUnavailable('the log is away');
    const appended = await super.append(stream, expected, events);
    if (this.failing === 'mute') throw new OutcomeUnknown('the answer was lost');
    return appended;
  }
}

let store: FailingStore;
let folder: string;
beforeEach(() => {
  store = new FailingStore();
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-admin-key-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'admin.key');
const hashes = async () => {
  const all: unknown[] = [];
  for await (const { data } of store.read(accessStream('default'))) all.push(data['hash']);
  return all;
};
const hashIn = (path: string) => parseApiKey(readFileSync(path, 'utf8').trim()).hash;

it('of two that start at the same time on an empty log one makes the key, and only its folder has it', async () => {
  const folders = ['one', 'two'].map((name) => join(folder, name));
  const left = await Promise.all(folders.map((at) => leaveAdminKey(store, at, 'default', 'openTenant')));
  const [winner] = left.filter((one) => one !== null);
  expect(left.filter((one) => one !== null)).toHaveLength(1);
  expect(folders.flatMap((at) => readdirSync(at))).toEqual(['admin.key']);
  expect(await hashes()).toEqual([hashIn(winner!.file)]);
});

it('a log that takes nothing leaves everything as it was', async () => {
  await leaveAdminKey(store, folder, 'default', 'openTenant');
  const before = readFileSync(file(), 'utf8');
  store.failing = 'away';
  await expect(leaveAdminKey(store, folder, 'default', 'recoverAdmin')).rejects.toThrow(StoreUnavailable);
  expect(readdirSync(folder)).toEqual(['admin.key']);
  expect(readFileSync(file(), 'utf8')).toBe(before);
});

it('a key that may be in the log is not thrown away', async () => {
  store.failing = 'mute';
  await expect(leaveAdminKey(store, folder, 'default', 'openTenant')).rejects.toThrow(OutcomeUnknown);
  expect(await hashes()).toEqual([hashIn(file())]);
});

it('what was in the file is kept beside it, however often', async () => {
  writeFileSync(file(), 'a key of another log');
  for (const verb of ['openTenant', 'recoverAdmin', 'recoverAdmin'] as const) {
    const left = await leaveAdminKey(store, folder, 'default', verb);
    expect(readdirSync(folder)).toContain(left!.aside!.slice(folder.length + 1));
  }
  expect(readdirSync(folder)).toHaveLength(4);
  expect((await hashes()).at(-1)).toBe(hashIn(file()));
});
