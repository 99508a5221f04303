import { EventTooLarge, type JsonObject, MAX_EVENT_BYTES } from '../event-store';
import type { Subject } from './contract';
import { canonical, collect, eventOf, newEvent, newEvents, toHead } from './contract-tools';

/** Parsed, as a request's body is: so `__proto__` is a member like any other. */
const parsed = (text: string) => JSON.parse(text) as JsonObject;

const VALUES: [string, JsonObject][] = [
  [
    'the numbers that are hard to print',
    parsed('{"n":[0.1,1e21,1e-7,5e-324,1.7976931348623157e308,9007199254740991,-0.5,0.30000000000000004]}'),
  ],
  ['zero without its sign', { n: -0 }],
  ['text of every plane', { text: 'é e\u0301 Ω 模型 🚀 \u{10ffff} \ufffd \u2028\u2029' }],
  ['control characters and quotes', { text: '\u0000\u0001\b\f\n\r\t"\\/\u007f' }],
  [
    'keys that sort by UTF-16 units',
    { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 },
  ],
  ['keys that look like numbers', { '10': 'a', '9': 'b', '1': 'c' }],
  ['keys that objects inherit', parsed('{"__proto__":{"x":1},"constructor":2,"toString":3}')],
  ['what is empty', { a: null, b: '', c: [], d: {}, e: false, f: 0 }],
  ['nested arrays and objects', { a: [[[]], [{ b: [{}, [null]] }]] }],
  ['no members at all', {}],
];

export function contentContract(subject: Subject): void {
  describe('content', () => {
    it.each(VALUES)('comes back as it went in: %s', async (_, value) => {
      const event = newEvent(value, { ...value, schema: 1 });
      await subject.store.append('a', -1n, [event]);
      const [stored] = await collect(subject.store.read('a'));
      expect(canonical(stored!.data)).toBe(canonical(event.data));
      expect(canonical(stored!.meta)).toBe(canonical(event.meta));
    });

    it('comes back with every field, from a stream and from the log alike', async () => {
      const event = newEvent({ a: 1 }, { b: 2 });
      const { position } = await subject.store.append('a', -1n, [event]);
      for (const stored of [
        (await collect(subject.store.read('a')))[0]!,
        (await toHead(subject.store))[0]!,
      ]) {
        const { id, type, data, meta, stream, revision } = stored;
        expect({ id, type, data, meta }).toEqual(event);
        expect({ stream, revision, position: stored.position }).toEqual({
          stream: 'a',
          revision: 0n,
          position,
        });
      }
    });

    it('is what it was at the append, whatever becomes of the objects', async () => {
      const data = { list: [1] };
      const appending = subject.store.append('a', -1n, [newEvent(data)]);
      data.list.push(2);
      await appending;
      const [first] = await collect(subject.store.read('a'));
      (first!.data['list'] as number[]).push(3);
      const [second] = await collect(subject.store.read('a'));
      expect(second!.data).toEqual({ list: [1] });
    });

    it.each([
      ['one-byte characters', 'x'],
      ['characters of four bytes', '🚀'],
      ['characters that JSON escapes', '\n'],
    ])('may take exactly 512 KiB: %s', async (_, filler) => {
      const largest =
        filler === '\n'
          ? newEvent({ text: '\n'.repeat(((MAX_EVENT_BYTES - 23) / 2) | 0) })
          : eventOf(MAX_EVENT_BYTES, filler);
      await subject.store.append('a', -1n, [largest]);
      const [stored] = await collect(subject.store.read('a'));
      expect(canonical(stored!.data)).toBe(canonical(largest.data));
    });

    it.each([
      ['data', eventOf(MAX_EVENT_BYTES + 1)],
      ['data of four-byte characters', eventOf(MAX_EVENT_BYTES + 1, '🚀')],
      ['meta', { ...newEvent({}), meta: { text: 'x'.repeat(MAX_EVENT_BYTES) } }],
      [
        'both together',
        newEvent({ t: 'x'.repeat(MAX_EVENT_BYTES / 2) }, { t: 'x'.repeat(MAX_EVENT_BYTES / 2) }),
      ],
    ])('is refused above 512 KiB, by one byte or more: %s', async (_, event) => {
      await expect(subject.store.append('a', -1n, [event])).rejects.toThrow(EventTooLarge);
      expect((await subject.store.log()).head).toBe(0n);
    });

    it('says how large an event is that is too large', async () => {
      const failure = subject.store.append('a', -1n, [eventOf(MAX_EVENT_BYTES + 7)]);
      await expect(failure).rejects.toMatchObject({ bytes: MAX_EVENT_BYTES + 7 });
    });

    it('writes nothing of a batch in which one event is too large', async () => {
      const batch = [...newEvents(2), eventOf(MAX_EVENT_BYTES + 1)];
      await expect(subject.store.append('a', -1n, batch)).rejects.toThrow(EventTooLarge);
      expect(await toHead(subject.store)).toHaveLength(0);
    });

    it('takes several of the largest in one batch', async () => {
      await subject.store.append(
        'a',
        -1n,
        Array.from({ length: 8 }, () => eventOf(MAX_EVENT_BYTES)),
      );
      expect(await collect(subject.store.read('a'))).toHaveLength(8);
    });
  });
}
