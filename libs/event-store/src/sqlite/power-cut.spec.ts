import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newEvent, toHead } from '@gatehouse/eventsourcing/testing';
import { openDatabase } from './database';
import { examine } from './maintenance';
import { migrate } from './schema';
import { SqliteEventStore } from './sqlite-event-store';
import { Random } from './testing/random';
import { recordRun, type Step } from './testing/recording';
import { TornDisk } from './testing/torn-disk';

const SCALE = Number(process.env['GATEHOUSE_TEST_SCALE'] ?? 1);
const IMAGES = 2_000 * SCALE;
const SEED = Number(process.env['GATEHOUSE_TEST_SEED'] ?? Date.now() % 2 ** 31);
/** Every so many images the whole adapter is opened on one, not only its database. */
const WHOLE_ADAPTER = 100;

// The images are read once and thrown away: in memory, where there is a disk in memory.
const work = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gatehouse-power-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Found {
  images: number;
  torn: number;
  /** Acknowledged events that an image did not have, at most so many in one image. */
  lost: number;
  problems: string[];
}

async function record(script: string): Promise<Step[]> {
  const folder = join(work, script);
  mkdirSync(folder);
  return recordRun(join(__dirname, `testing/${script}.ts`), folder, work);
}

/** Cuts the power at random places of a record, reopens what is left each time, and counts what is missing. */
async function cutPower(steps: readonly Step[], images: number): Promise<Found> {
  const random = new Random(SEED);
  const places = Array.from({ length: images }, () => random.below(steps.length + 1)).sort((a, b) => a - b);
  const disk = new TornDisk();
  const found: Found = { images: 0, torn: 0, lost: 0, problems: [] };
  let at = 0;
  for (const place of places) {
    while (at < place) disk.apply(steps[at++]!);
    const folder = join(work, 'image');
    if (disk.cut(folder, random)) found.torn += 1;
    const file = join(folder, 'events.db');
    found.lost += missing(reopen(file, found.problems), disk.acknowledged);
    if (++found.images % WHOLE_ADAPTER === 0) await useAdapter(file);
    rmSync(folder, { recursive: true });
  }
  return found;
}

/** The ids in the log after the recovery that the adapter's own opening does. */
function reopen(file: string, problems: string[]): Set<string> {
  const db = openDatabase(file, { readonly: false });
  try {
    migrate(db);
    problems.push(...examine(db).problems);
    return new Set(db.prepare<[], string>('SELECT id FROM events').pluck().all());
  } finally {
    db.close();
  }
}

function missing(there: ReadonlySet<string>, acknowledged: ReadonlySet<string>): number {
  return [...acknowledged].filter((id) => !there.has(id)).length;
}

async function useAdapter(file: string): Promise<void> {
  const store = await SqliteEventStore.open({ file });
  try {
    const before = await toHead(store);
    await store.append('after-the-cut', -1n, [newEvent()]);
    expect(await toHead(store)).toHaveLength(before.length + 1);
  } finally {
    await store.close();
  }
}

describe(`a power cut (seed ${SEED})`, () => {
  it(
    'loses no acknowledged event and leaves the log whole, wherever it comes and whatever it tears',
    async () => {
      const steps = await record('run-store');
      const acknowledged = steps.filter(({ kind }) => kind === 'acknowledged').length;
      const found = await cutPower(steps, IMAGES);
      expect(acknowledged).toBe(480);
      expect(found).toEqual({ images: IMAGES, torn: expect.any(Number) as number, lost: 0, problems: [] });
      expect(found.torn).toBeGreaterThan(IMAGES / 10);
    },
    120_000 * SCALE,
  );

  it('does lose acknowledged events with synchronous=NORMAL: else this test would prove nothing', async () => {
    const found = await cutPower(await record('run-normal'), 200);
    expect(found.lost).toBeGreaterThan(0);
  }, 60_000);
});
