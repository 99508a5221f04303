import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { CursorInvalid, cursors } from './cursor';
import {
  accessEvents,
  events,
  history,
  modelEvents,
  policyEvents,
  type EventsOptions,
  type Feed,
} from './history';
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
async function told(feed: Feed, options: Partial<EventsOptions> = {}): Promise<PublicEvent[]> {
  const all: PublicEvent[] = [];
  const how = { after: 0n, follow: false, signal: open, ...options };
  for await (const event of events(store, feed, how)) all.push(event);
  return all;
}
/** Positions. */
const all = async (feed: Feed, options?: Partial<EventsOptions>) =>
  (await told(feed, options)).map(({ position }) => position);

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
  expect(await all(modelEvents('acme'))).toEqual(['1', '3', '4']);
  expect(await all(modelEvents('acme-two'))).toEqual(['2']);
  expect(await all(modelEvents('acm'))).toEqual([]);
  expect(await all(modelEvents('acme'), { after: 1n })).toEqual(['3', '4']);
});

test('events can be narrowed to one model, not to all that begin like it, and to a type', async () => {
  expect(await all(modelEvents('acme', 'fraud'))).toEqual(['1', '3']);
  expect(await all(modelEvents('acme'), { type: 'model.Registered' })).toEqual(['1', '4']);
});

test('events that are followed go on when the log does, and end when the reader leaves', async () => {
  const stop = new AbortController();
  const following = events(store, modelEvents('acme'), { after: 3n, follow: true, signal: stop.signal });
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
  await expect(all(modelEvents('acme'))).rejects.toThrow('model.Renamed');
});

describe('what is not about a model', () => {
  const HASH = 'f'.repeat(64);
  let ids = 0;
  const append = async (stream: string, expected: bigint, type: string, data: object) => {
    const tenant = stream.slice(stream.indexOf('-') + 1);
    const id = `00000000-0000-5000-8000-${String(ids++).padStart(12, '0')}`;
    const meta = { id, tenant, time: '2026-03-01T00:00:00.000Z', actor: { id: 'admin', kind: 'user' } };
    const more = { correlation: 'asked', schema: 1 };
    await store.append(stream, expected, [{ id, type, data: { ...data }, meta: { ...meta, ...more } }]);
  };
  const KEY = { key: 'k1', actor: { id: 'ci', kind: 'service' }, roles: [{ role: 'registrar' }] };
  beforeEach(async () => {
    await append('access-acme', -1n, 'access.TenantOpened', { ...KEY, key: 'k0', hash: HASH });
    await append('access-acme-two', -1n, 'access.TenantOpened', { ...KEY, hash: HASH });
    await append('policy-acme-two', -1n, 'policy.Published', { policy: 'strict', version: 1 });
    await append('policy-acme', -1n, 'policy.Published', { policy: 'strict', version: 1 });
    await append('access-acme', 0n, 'access.KeyIssued', { ...KEY, hash: HASH });
    await append('access-acme', 1n, 'access.KeyRevoked', { key: 'k1' });
    await append('policy-acme', 0n, 'policy.Activated', { policy: 'strict', version: 1 });
  });

  test('is told in the same shape, of no model, without the hash of any key', async () => {
    const [opened, issued, revoked] = await told(accessEvents('acme'));
    expect(issued).toEqual({
      position: '9',
      stream: 'access-acme',
      revision: '1',
      id: expect.any(String) as string,
      type: 'access.KeyIssued',
      tenant: 'acme',
      model: null,
      version: null,
      time: '2026-03-01T00:00:00.000Z',
      actor: { id: 'admin', kind: 'user' },
      correlation: 'asked',
      causation: null,
      data: KEY,
    });
    expect([opened!.data, revoked!.data]).toEqual([{ ...KEY, key: 'k0' }, { key: 'k1' }]);
    expect((await told(policyEvents('acme')))[1]).toMatchObject({
      stream: 'policy-acme',
      type: 'policy.Activated',
      model: null,
      version: 1,
      data: { policy: 'strict', version: 1 },
    });
  });

  test('is of one tenant, not of all that begin like it, and can be narrowed', async () => {
    expect(await all(accessEvents('acme'))).toEqual(['5', '9', '10']);
    expect(await all(accessEvents('acme-two'))).toEqual(['6']);
    expect(await all(policyEvents('acme'))).toEqual(['8', '11']);
    expect(await all(policyEvents('acme'), { after: 8n })).toEqual(['11']);
    expect(await all(accessEvents('acme'), { type: 'access.KeyIssued' })).toEqual(['9']);
    expect(await all(modelEvents('acme'))).toEqual(['1', '3', '4']);
    expect([await all(accessEvents('acm')), await all(policyEvents('nobody'))]).toEqual([[], []]);
  });

  test.each([
    ['access', 2n, accessEvents('acme')],
    ['policy', 1n, policyEvents('acme')],
  ])('that cannot be decoded ends the %s events with an error', async (kind, revision, feed) => {
    await append(`${kind}-acme`, revision, `${kind}.Renamed`, {});
    await expect(all(feed)).rejects.toThrow(`${kind}.Renamed`);
    await expect(all(modelEvents('acme'))).resolves.toHaveLength(3);
  });
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
