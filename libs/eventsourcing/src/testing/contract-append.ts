import { StoreUnavailable, WrongRevision } from '../event-store';
import type { Subject } from './contract';
import { collect, ids, newEvent, newEvents, toHead } from './contract-tools';

export function appendContract(subject: Subject): void {
  describe('append', () => {
    it('starts a stream at revision 0', async () => {
      const { revision, position } = await subject.store.append('a', -1n, [newEvent()]);
      expect(revision).toBe(0n);
      expect(position).toBeGreaterThan(0n);
    });

    it('answers where the last event of a batch stands', async () => {
      const batch = newEvents(3);
      const appended = await subject.store.append('a', -1n, batch);
      const last = (await collect(subject.store.read('a'))).at(-1)!;
      expect(appended).toEqual({ revision: 2n, position: last.position });
      expect(last.id).toBe(batch[2]!.id);
    });

    it('goes on at the revision it answered', async () => {
      const { revision } = await subject.store.append('a', -1n, newEvents(2));
      expect((await subject.store.append('a', revision, newEvents(2))).revision).toBe(3n);
    });

    it('has the event in the log when it resolves', async () => {
      const event = newEvent();
      const { position } = await subject.store.append('a', -1n, [event]);
      expect(ids(await collect(subject.store.read('a')))).toEqual([event.id]);
      expect(ids(await toHead(subject.store))).toEqual([event.id]);
      expect((await subject.store.log()).head).toBe(position);
    });

    it.each([
      ['no stream, and there is one', 2, -1n],
      ['a revision that has been passed', 3, 1n],
      ['a revision that is not there yet', 2, 2n],
      ['revision 0 of a stream that is not there', 0, 0n],
      ['a revision far beyond what a number holds', 1, 2n ** 62n],
    ])('refuses an append that expects %s, and says what is there', async (_, there, expected) => {
      if (there > 0) await subject.store.append('a', -1n, newEvents(there));
      const failure = subject.store.append('a', expected, [newEvent()]);
      await expect(failure).rejects.toThrow(WrongRevision);
      await expect(failure).rejects.toMatchObject({ stream: 'a', expected, actual: BigInt(there) - 1n });
    });

    it('writes nothing of what it refuses', async () => {
      await subject.store.append('a', -1n, [newEvent()]);
      const { head } = await subject.store.log();
      await expect(subject.store.append('a', -1n, newEvents(5))).rejects.toThrow(WrongRevision);
      expect((await subject.store.log()).head).toBe(head);
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it('takes an event that was refused before, at the right revision', async () => {
      const event = newEvent();
      await subject.store.append('a', -1n, [newEvent()]);
      await expect(subject.store.append('a', -1n, [event])).rejects.toThrow(WrongRevision);
      expect((await subject.store.append('a', 0n, [event])).revision).toBe(1n);
    });

    it('keeps the order of a batch', async () => {
      const batch = newEvents(50);
      await subject.store.append('a', -1n, batch);
      expect(ids(await collect(subject.store.read('a')))).toEqual(ids(batch));
    });

    it('gives streams revisions of their own', async () => {
      await subject.store.append('a', -1n, newEvents(4));
      expect((await subject.store.append('b', -1n, newEvents(2))).revision).toBe(1n);
      expect((await subject.store.append('a', 3n, [newEvent()])).revision).toBe(4n);
    });

    it('tells streams apart whose names begin alike or differ in case', async () => {
      for (const stream of ['a', 'a.b', 'a-b', 'A', 'a ', 'ab'])
        expect((await subject.store.append(stream, -1n, [newEvent()])).revision).toBe(0n);
      for await (const { stream } of subject.store.read('a')) expect(stream).toBe('a');
    });

    it('takes names of streams with the characters of tenants and models, and others', async () => {
      for (const stream of [
        `model-${'t'.repeat(63)}.${'m'.repeat(128)}`,
        'model-a.b_c-d.e',
        'ü-模型-🚀',
        "o'k%_*",
      ]) {
        const event = newEvent();
        await subject.store.append(stream, -1n, [event]);
        expect(await collect(subject.store.read(stream))).toMatchObject([{ stream, id: event.id }]);
      }
    });

    it.each([
      ['no events', 'a', -1n, []],
      ['"any revision"', 'a', -2n, [newEvent()]],
      ['a stream without a name', '', -1n, [newEvent()]],
      ['an id that is no UUID', 'a', -1n, [{ ...newEvent(), id: 'event-1' }]],
      ['an id in upper case', 'a', -1n, [{ ...newEvent(), id: 'AAAAAAAA-0000-4000-8000-000000000000' }]],
    ])('refuses %s as a mistake of the caller', async (_, stream, expected, events) => {
      await expect(subject.store.append(stream, expected, events)).rejects.toThrow(RangeError);
      expect((await subject.store.log()).head).toBe(0n);
    });
  });

  describe('many appends at once', () => {
    it('let exactly one of those win that expect the same revision', async () => {
      const racers = Array.from({ length: 64 }, () => newEvent());
      const results = await Promise.allSettled(
        racers.map((event) => subject.store.append('a', -1n, [event])),
      );
      const won = racers.filter((_, index) => results[index]!.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(WrongRevision);
      expect(ids(await collect(subject.store.read('a')))).toEqual(ids(won));
    });

    it('all land when they are on streams of their own, each exactly once', async () => {
      const events = newEvents(500);
      await Promise.all(events.map((event, n) => subject.store.append(`s-${n}`, -1n, [event])));
      const stored = await toHead(subject.store);
      expect(ids(stored).sort()).toEqual(ids(events).sort());
    });

    it('judge each one alone: the refused leave the others in', async () => {
      await subject.store.append('taken', -1n, [newEvent()]);
      const good = newEvents(40);
      const results = await Promise.allSettled(
        good.flatMap((event, n) => [
          subject.store.append(`s-${n}`, -1n, [event]),
          subject.store.append('taken', -1n, [newEvent()]),
        ]),
      );
      expect(results.map(({ status }) => status)).toEqual(good.flatMap(() => ['fulfilled', 'rejected']));
      expect((await toHead(subject.store)).length).toBe(41);
    });

    it('follow one another when each expects what the one before will have made', async () => {
      const events = newEvents(200);
      const results = await Promise.all(
        events.map((event, n) => subject.store.append('a', BigInt(n) - 1n, [event])),
      );
      expect(results.map(({ revision }) => revision)).toEqual(events.map((_, n) => BigInt(n)));
      expect(ids(await collect(subject.store.read('a')))).toEqual(ids(events));
    });

    it('never mix batches, and a batch is there as a whole or not at all', async () => {
      const batches = Array.from({ length: 60 }, () => newEvents(5));
      await Promise.allSettled(batches.map((batch) => subject.store.append('a', -1n, batch)));
      await Promise.all(
        batches.map((batch, n) => subject.store.append(`s-${n}`, -1n, batch).catch(() => null)),
      );
      const stored = await toHead(subject.store);
      for (let at = 0; at < stored.length; at += 5) {
        const batch = stored.slice(at, at + 5);
        expect(new Set(batch.map(({ stream }) => stream)).size).toBe(1);
        expect(batch.map(({ revision }) => revision)).toEqual([0n, 1n, 2n, 3n, 4n]);
      }
    });

    it('give the same event sent many times one place and one answer', async () => {
      const event = newEvent();
      const results = await Promise.all(
        Array.from({ length: 32 }, () => subject.store.append('a', -1n, [event])),
      );
      expect(new Set(results.map(({ position }) => position)).size).toBe(1);
      expect(await toHead(subject.store)).toHaveLength(1);
    });

    it('end as appended, refused or unavailable: nothing else, under a mixed load', async () => {
      const load = Array.from({ length: 400 }, (_, n) =>
        subject.store.append(`s-${n % 7}`, BigInt(n % 3) - 1n, newEvents(1 + (n % 3))),
      );
      for (const result of await Promise.allSettled(load))
        if (result.status === 'rejected')
          expect([WrongRevision, StoreUnavailable]).toContain((result.reason as Error).constructor);
      const revisions = new Map<string, bigint>();
      for (const { stream, revision } of await toHead(subject.store)) {
        expect(revision).toBe((revisions.get(stream) ?? -1n) + 1n);
        revisions.set(stream, revision);
      }
    });
  });
}
