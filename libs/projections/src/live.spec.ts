import { approve, evaluate, PEOPLE, register } from './testing/lives';
import { Harness } from './testing/harness';
import type { Live } from './resources';
import { Views } from './views';

const [ROSA, BOB] = PEOPLE;
let harness: Harness;
beforeEach(() => (harness = new Harness()));
afterEach(() => harness.close());

/** Registers further versions up to n and promotes each. */
async function promoteUpTo(n: number, model = 'fraud', tenant = 'acme'): Promise<void> {
  const { lives } = harness;
  const there = lives.states.get(`model-${tenant}.${model}`)?.versions.length ?? 0;
  for (let version = there + 1; version <= n; version++) {
    await lives.issue(tenant, model, register(`${model} ${version}`, `1.${version}.0`));
    await lives.issue(tenant, model, evaluate(version, 90 + version));
    await lives.issue(tenant, model, approve(version), ROSA);
    await lives.issue(tenant, model, { verb: 'promote', data: { version, note: `to ${version}` } }, BOB);
  }
}

const rollBack = (from: number, to?: number) =>
  harness.lives.issue(
    'acme',
    'fraud',
    { verb: 'rollBack', data: { from, reason: 'latency', note: 'slow', ...(to !== undefined && { to }) } },
    ROSA,
  );

const numbers = (live: Live | null) =>
  live && [live.revision, live.current?.version, live.previous?.version, live.rollbackTarget?.version];

test('a model with thousands of moves is read back whole when the views are opened again', async () => {
  await promoteUpTo(2);
  for (let i = 0; i < 650; i++) {
    await rollBack(2, 1);
    await harness.lives.issue('acme', 'fraud', evaluate(2, 92 + (i % 7) / 10));
    await harness.lives.issue('acme', 'fraud', approve(2), ROSA);
    await harness.lives.issue('acme', 'fraud', { verb: 'promote', data: { version: 2 } }, BOB);
  }
  await harness.catchUp();
  await rollBack(2, 1);
  const again = Views.open(harness.file);
  await harness.catchUp(again);
  expect(numbers(again.live.find('acme', 'fraud'))).toEqual([1_303, 1, 2, undefined]);
  await again.close();
});

test('a model that is not there is null; one that was never live has an answer with revision 0', async () => {
  await harness.lives.issue('acme', 'fraud', register('one'));
  await harness.catchUp();
  expect(harness.views.live.find('acme', 'other')).toBeNull();
  expect(harness.views.live.find('acme', 'fraud')).toEqual({
    model: 'fraud',
    revision: 0,
    current: null,
    previous: null,
    rollbackTarget: null,
    since: null,
    by: null,
    why: null,
  });
});

test('live names the current version, the one before, where a rollback goes, since when, by whom and why', async () => {
  await promoteUpTo(2);
  await harness.catchUp();
  const state = harness.lives.states.get('model-acme.fraud')!;
  expect(harness.views.live.find('acme', 'fraud')).toEqual({
    model: 'fraud',
    revision: 2,
    current: { version: 2, digest: state.versions[1]!.digest, label: '1.2.0' },
    previous: { version: 1, digest: state.versions[0]!.digest, label: '1.1.0' },
    rollbackTarget: { version: 1, digest: state.versions[0]!.digest, label: '1.1.0' },
    since: '2026-03-01T00:00:08.000Z',
    by: { id: 'bob', kind: 'user' },
    why: { event: 'model.Promoted', position: '8', reason: null, note: 'to 2' },
  });
});

test('a second rollback walks further back, and a rollback to nothing leaves nothing live', async () => {
  await promoteUpTo(3);
  await rollBack(3);
  await harness.catchUp();
  expect(numbers(harness.views.live.find('acme', 'fraud'))).toEqual([4, 2, 3, 1]);
  await rollBack(2);
  await harness.catchUp();
  expect(numbers(harness.views.live.find('acme', 'fraud'))).toEqual([5, 1, 2, undefined]);
  await rollBack(1, 0);
  await harness.catchUp();
  expect(harness.views.live.find('acme', 'fraud')).toMatchObject({
    revision: 6,
    current: null,
    previous: { version: 1 },
    rollbackTarget: null,
    why: { event: 'model.RolledBack', reason: 'latency', note: 'slow' },
  });
});

test('at an instant: what was live then, inclusive; null before the model existed', async () => {
  await promoteUpTo(2);
  await rollBack(2);
  await harness.catchUp();
  const { live } = harness.views;
  const at = (instant: string) => numbers(live.at('acme', 'fraud', instant));
  expect(at('2026-03-01T00:00:00.999Z')).toBeNull();
  expect(at('2026-03-01T00:00:01.000Z')).toEqual([0, undefined, undefined, undefined]);
  expect(at('2026-03-01T00:00:03.999Z')).toEqual([0, undefined, undefined, undefined]);
  expect(at('2026-03-01T01:00:04.000+01:00')).toEqual([1, 1, undefined, undefined]);
  expect(at('2026-03-01T00:00:07.999Z')).toEqual([1, 1, undefined, undefined]);
  expect(at('2026-03-01T00:00:08.000Z')).toEqual([2, 2, 1, 1]);
  expect(at('2027-01-01T00:00:00.000Z')).toEqual([3, 1, 2, undefined]);
  expect(live.at('acme', 'nobody', '2027-01-01T00:00:00.000Z')).toBeNull();
  expect(() => live.at('acme', 'fraud', 'yesterday')).toThrow(RangeError);
});

test('moves are listed newest first, page by page', async () => {
  await promoteUpTo(2);
  await rollBack(2);
  await harness.catchUp();
  const { live } = harness.views;
  const first = live.moves('acme', 'fraud', { limit: 2 })!;
  expect(first.items.map(({ revision, event }) => [revision, event])).toEqual([
    [3, 'model.RolledBack'],
    [2, 'model.Promoted'],
  ]);
  expect(first.items[0]).toEqual({
    revision: 3,
    at: '2026-03-01T00:00:09.000Z',
    by: { id: 'rosa', kind: 'user' },
    event: 'model.RolledBack',
    from: expect.objectContaining({ version: 2 }) as unknown,
    to: expect.objectContaining({ version: 1, label: '1.1.0' }) as unknown,
    reason: 'latency',
    note: 'slow',
    position: '9',
  });
  const rest = live.moves('acme', 'fraud', { after: first.next!, limit: 2 })!;
  expect(rest.items.map(({ revision }) => revision)).toEqual([1]);
  expect(rest.next).toBeNull();
  expect(live.moves('acme', 'nobody', { limit: 2 })).toBeNull();
});

test('active_version.json has the digests and numbers of live', async () => {
  await promoteUpTo(2);
  await harness.catchUp();
  const [one, two] = harness.lives.states.get('model-acme.fraud')!.versions;
  expect(harness.views.live.activeVersion('acme', 'fraud')).toEqual({
    model: 'fraud',
    current: two!.digest,
    previous: one!.digest,
    rollbackTarget: one!.digest,
    currentVersion: 2,
    previousVersion: 1,
    revision: 2,
    since: '2026-03-01T00:00:08.000Z',
  });
  expect(harness.views.live.activeVersion('acme', 'nobody')).toBeNull();
});

test('the serialised answer is the resource, is made once, and is new after a move', async () => {
  await promoteUpTo(1);
  await harness.catchUp();
  const { live } = harness.views;
  const first = live.findSerialized('acme', 'fraud')!;
  expect(JSON.parse(first.body.toString())).toEqual(live.find('acme', 'fraud'));
  expect(first.etag).toBe('"1"');
  expect(live.findSerialized('acme', 'fraud')!.body).toBe(first.body);
  await rollBack(1, 0);
  await harness.catchUp();
  expect(live.findSerialized('acme', 'fraud')!.etag).toBe('"2"');
});

test('one tenant never sees what another has', async () => {
  await promoteUpTo(1, 'fraud', 'acme');
  await promoteUpTo(2, 'fraud', 'acme-two');
  await harness.catchUp();
  const { live, models, versions } = harness.views;
  expect(live.find('acme', 'fraud')!.revision).toBe(1);
  expect(live.find('acme-two', 'fraud')!.revision).toBe(2);
  expect(live.find('other', 'fraud')).toBeNull();
  expect(versions.find('acme', 'fraud', 2)).toBeNull();
  const digest = versions.find('acme-two', 'fraud', 2)!.digest;
  expect(versions.find('acme', 'fraud', digest)).toBeNull();
  expect((await models.list('other', { limit: 10 })).items).toEqual([]);
});

describe('watch', () => {
  const watch = (signal: AbortSignal, afterRevision?: number) =>
    harness.views.live.watch('acme', 'fraud', { signal, afterRevision });

  test('gives the pointer at once, then each move', async () => {
    await promoteUpTo(1);
    await harness.catchUp();
    const stop = new AbortController();
    const seen = watch(stop.signal);
    expect(numbers((await seen.next()).value as Live)![0]).toBe(1);
    const next = seen.next();
    await promoteUpTo(2);
    await harness.catchUp();
    expect(numbers((await next).value as Live)![0]).toBe(2);
    const end = seen.next();
    stop.abort();
    expect((await end).done).toBe(true);
  });

  test('a slow reader skips to the newest', async () => {
    await promoteUpTo(1);
    await harness.catchUp();
    const stop = new AbortController();
    const seen = watch(stop.signal);
    await seen.next();
    for (let version = 2; version <= 5; version++) {
      await promoteUpTo(version);
      await harness.catchUp();
    }
    expect(((await seen.next()).value as Live).revision).toBe(5);
    const end = seen.next();
    stop.abort();
    expect((await end).done).toBe(true);
  });

  test('never goes back: nothing until the pointer is past the revision that the reader knows', async () => {
    await promoteUpTo(1);
    await harness.catchUp();
    const stop = new AbortController();
    const seen = watch(stop.signal, 2);
    const next = seen.next();
    await promoteUpTo(2);
    await harness.catchUp();
    await promoteUpTo(3);
    await harness.catchUp();
    expect(((await next).value as Live).revision).toBe(3);
    await seen.return();
  });
});
