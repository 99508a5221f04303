import type { Subject } from './contract';
import { collect, ids, newEvent, newEvents, toHead } from './contract-tools';

export function reopenContract(subject: Subject): void {
  describe('after it was closed and opened again', () => {
    it('everything is there, in the same places, in the same log', async () => {
      for (let n = 0; n < 5; n++) await subject.store.append(`s-${n}`, -1n, newEvents(n + 1));
      const places = async () =>
        (await toHead(subject.store)).map(({ id, position, stream, revision }) => [
          id,
          position,
          stream,
          revision,
        ]);
      const before = { log: await subject.store.log(), places: await places() };
      await subject.reopen();
      expect({ log: await subject.store.log(), places: await places() }).toEqual(before);
    });

    it('appends go on where they were', async () => {
      const { position } = await subject.store.append('a', -1n, newEvents(3));
      await subject.reopen();
      const appended = await subject.store.append('a', 2n, [newEvent()]);
      expect(appended.revision).toBe(3n);
      expect(appended.position).toBeGreaterThan(position);
    });

    it('the ids of before are still known', async () => {
      const event = newEvent();
      const first = await subject.store.append('a', -1n, [event]);
      await subject.reopen();
      expect(await subject.store.append('a', 0n, [event])).toEqual(first);
      expect(ids(await collect(subject.store.read('a')))).toEqual([event.id]);
    });

    it('a close waits for the appends under way', async () => {
      const events = newEvents(100);
      const appends = events.map((event, n) => subject.store.append(`s-${n}`, -1n, [event]));
      await subject.reopen();
      await Promise.all(appends);
      expect(ids(await toHead(subject.store)).sort()).toEqual(ids(events).sort());
    });
  });
}
