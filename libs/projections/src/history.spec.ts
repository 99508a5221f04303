import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { CursorInvalid, cursors } from './cursor';
import { events, history, type EventsOptions } from './history';
import type { PublicEvent } from './resources';
import { evaluate, Lives, register } from './testing/lives';

let store: MemoryEventStore;
let lives: Lives;
beforeEach(async () => {
  store = new MemoryEventStore();
  lives = new Lives(store);
  await lives.issue('acme', 'fraud', register('one'));
  await lives.issue('acme-two', 'fraud', register('one'));
  await lives.issue('acme', 'fraud', evaluate(1, 90));
  await lives.issue('acme', 'fraud-two', register('one'));
});

const open = new AbortController().signal;
async function all(tenant: string, options: Partial<EventsOptions> = {}): Promise<string[]> {
  const positions: string[] = [];
  for await (const { position } of events(store, tenant, {
    after: 0n,
    follow: false,
    signal: open,
    ...options,
  }))
    positions.push(position);
  return positions;
}

test('an event is told in the public shape', async () => {
  const page = await history(store, 'acme', 'fraud', { limit: 50 });
  expect(page!.items[0]).toEqual({
    position: '1',
    stream: 'model-acme.fraud',
    revision: '0',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    type: 'model.Registered',
    tenant: 'acme',
    model: 'fraud',
    version: 1,
    time: '2026-03-01T00:00:01.000Z',
    actor: { id: 'ci', kind: 'service' },
    correlation: expect.stringContaining('correlation') as string,
    causation: null,
    data: expect.objectContaining({ changelog: 'Trained with one' }) as unknown,
  });
});

test('history is oldest first, in pages; of a model that is not there, null', async () => {
  const first = (await history(store, 'acme', 'fraud', { limit: 1 }))!;
  expect([first.items[0]!.type, first.next]).toEqual(['model.Registered', 0n]);
  const second = (await history(store, 'acme', 'fraud', { limit: 1, after: first.next! }))!;
  expect([second.items[0]!.type, second.next]).toEqual(['model.Evaluated', null]);
  expect(await history(store, 'acme', 'nobody', { limit: 1 })).toBeNull();
  expect(await history(store, 'acme', 'fraud', { limit: 1, after: 9n })).toEqual({ items: [], next: null });
});

test('a page of large events ends early, and the next one goes on where it ended', async () => {
  const large = { config: 'x'.repeat(400_000) };
  for (let n = 0; n < 25; n++)
    await lives.issue('acme', 'big', {
      verb: 'register',
      data: { digest: `sha256:${n}`, changelog: 'big', manifest: large },
    });
  const seen: string[] = [];
  let pages = 0;
  for (let after: bigint | null | undefined; after !== null; pages++) {
    const page: Awaited<ReturnType<typeof history>> = await history(store, 'acme', 'big', {
      after,
      limit: 500,
    });
    seen.push(...page!.items.map(({ revision }) => revision));
    expect(JSON.stringify(page!.items).length).toBeLessThan(5_000_000);
    after = page!.next;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => String(n)));
  expect(pages).toBe(3);
});

test('events are those of one tenant, in the order of the log', async () => {
  expect(await all('acme')).toEqual(['1', '3', '4']);
  expect(await all('acme-two')).toEqual(['2']);
  expect(await all('acm')).toEqual([]);
  expect(await all('acme', { after: 1n })).toEqual(['3', '4']);
});

test('events can be narrowed to one model, not to all that begin like it, and to a type', async () => {
  expect(await all('acme', { model: 'fraud' })).toEqual(['1', '3']);
  expect(await all('acme', { type: 'model.Registered' })).toEqual(['1', '4']);
});

test('events that are followed go on when the log does, and end when the reader leaves', async () => {
  const stop = new AbortController();
  const following = events(store, 'acme', { after: 3n, follow: true, signal: stop.signal });
  expect(((await following.next()).value as PublicEvent).position).toBe('4');
  const next = following.next();
  await lives.issue('acme', 'fraud', evaluate(1, 91));
  expect(((await next).value as PublicEvent).position).toBe('5');
  const end = following.next();
  stop.abort();
  expect((await end).done).toBe(true);
});

test('an event that cannot be decoded ends the stream with an error', async () => {
  await store.append('model-acme.odd', -1n, [
    { id: '00000000-0000-5000-8000-000000000000', type: 'model.Renamed', data: {}, meta: { schema: 1 } },
  ]);
  await expect(all('acme')).rejects.toThrow('model.Renamed');
});

describe('cursors', () => {
  const made = cursors('secret');

  test('open to what was sealed', () => {
    for (const value of [7, 'fraud', '18446744073709551615'])
      expect(made.open('a', made.seal('a', value))).toBe(value);
  });

  test('are refused in another scope, with another secret, changed, or made up', () => {
    const token = made.seal('acme/fraud', 7);
    const wrong = ['', 'x', '!', token.slice(0, -1), `${token}A`, `A${token.slice(1)}`, 'A'.repeat(2_000)];
    for (const bad of wrong) expect(() => made.open('acme/fraud', bad)).toThrow(CursorInvalid);
    expect(() => made.open('acme/other', token)).toThrow(CursorInvalid);
    expect(() => cursors('other').open('acme/fraud', token)).toThrow(CursorInvalid);
  });
});
