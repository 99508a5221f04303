import { randomUUID } from 'node:crypto';
import { EventIdReused, type NewEvent, WrongRevision } from '../event-store';
import type { Subject } from './contract';
import { newEvent, newEvents, toHead } from './contract-tools';

export function identityContract(subject: Subject): void {
  describe('the same ids again', () => {
    const one = newEvent({ b: [1, { d: 2, c: 3 }], a: 'x' }, { z: 1, y: 2 });

    it('give the earlier result, and nothing is written twice', async () => {
      const first = await subject.store.append('a', -1n, [one]);
      expect(await subject.store.append('a', -1n, [one])).toEqual(first);
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it('give it for a whole batch', async () => {
      const batch = newEvents(4);
      const first = await subject.store.append('a', -1n, batch);
      expect(await subject.store.append('a', -1n, batch)).toEqual(first);
      expect(await toHead(subject.store)).toHaveLength(4);
    });

    it('give it when the stream has moved on since', async () => {
      const first = await subject.store.append('a', -1n, [one]);
      await subject.store.append('a', 0n, newEvents(3));
      expect(await subject.store.append('a', -1n, [one])).toEqual(first);
    });

    it('give it whatever revision is expected now', async () => {
      const first = await subject.store.append('a', -1n, [one]);
      for (const expected of [0n, 1n, 99n])
        expect(await subject.store.append('a', expected, [one])).toEqual(first);
    });

    it('give it when only the order of the keys differs', async () => {
      const first = await subject.store.append('a', -1n, [one]);
      const turned = { ...one, data: { a: 'x', b: [1, { c: 3, d: 2 }] }, meta: { y: 2, z: 1 } };
      expect(await subject.store.append('a', -1n, [turned])).toEqual(first);
    });

    it('give it for the first events of a batch that was appended as one', async () => {
      const batch = newEvents(3);
      await subject.store.append('a', -1n, batch);
      expect((await subject.store.append('a', -1n, batch.slice(0, 2))).revision).toBe(1n);
    });

    const differences: [string, NewEvent][] = [
      ['other data', { ...one, data: { b: [1, { d: 2, c: 4 }], a: 'x' } }],
      ['one member more', { ...one, data: { ...one.data, e: null } }],
      ['the elements of an array turned round', { ...one, data: { b: [{ d: 2, c: 3 }, 1], a: 'x' } }],
      ['a number as text', { ...one, data: { b: ['1', { d: 2, c: 3 }], a: 'x' } }],
      ['other meta', { ...one, meta: { z: 1, y: 3 } }],
      ['another type', { ...one, type: 'test.Else' }],
    ];
    it.each(differences)('are refused with %s', async (_, changed) => {
      await subject.store.append('a', -1n, [one]);
      const failure = subject.store.append('a', 0n, [changed]);
      await expect(failure).rejects.toThrow(EventIdReused);
      await expect(failure).rejects.toMatchObject({ id: one.id });
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it('are refused on another stream', async () => {
      await subject.store.append('a', -1n, [one]);
      await expect(subject.store.append('b', -1n, [one])).rejects.toThrow(EventIdReused);
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it.each(differences)('are refused on another stream with %s', async (_, changed) => {
      await subject.store.append('a', -1n, [one]);
      await subject.store.append('b', -1n, [newEvent()]);
      for (const expected of [-1n, 0n, 7n]) {
        const failure = subject.store.append('b', expected, [changed]);
        await expect(failure).rejects.toThrow(EventIdReused);
        await expect(failure).rejects.toMatchObject({ id: one.id });
      }
      expect(await toHead(subject.store)).toHaveLength(2);
    });

    it('are refused as reused before the revision is looked at', async () => {
      await subject.store.append('a', -1n, [one]);
      const changed = { ...one, data: {} };
      await expect(subject.store.append('a', 7n, [changed])).rejects.toThrow(EventIdReused);
    });

    it('are refused together with ids that are new, before or after them', async () => {
      await subject.store.append('a', -1n, [one]);
      await expect(subject.store.append('a', 0n, [one, newEvent()])).rejects.toThrow(EventIdReused);
      await expect(subject.store.append('a', 0n, [newEvent(), one])).rejects.toThrow(EventIdReused);
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it('are refused in another order', async () => {
      const [first, second] = newEvents(2) as [NewEvent, NewEvent];
      await subject.store.append('a', -1n, [first, second]);
      await expect(subject.store.append('a', -1n, [second, first])).rejects.toThrow(EventIdReused);
    });

    it('are refused within one batch', async () => {
      await expect(subject.store.append('a', -1n, [one, one])).rejects.toThrow(EventIdReused);
      expect(await toHead(subject.store)).toHaveLength(0);
    });

    it('stay free when the append that named them was refused', async () => {
      const event = { ...newEvent(), id: randomUUID() };
      await expect(subject.store.append('a', 5n, [event])).rejects.toThrow(WrongRevision);
      expect((await subject.store.append('b', -1n, [{ ...event, data: { other: true } }])).revision).toBe(0n);
    });
  });
}
