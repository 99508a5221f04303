import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteEventStore } from '@gatehouse/event-store';
import { type EventStore, follow, type FollowStatus, type NewEvent } from '@gatehouse/eventsourcing';
import { MemoryEventStore, toHead } from '@gatehouse/eventsourcing/testing';
import { Lives, randomCommand, randomFrom } from '../../projections/src/testing/lives';
import { CHANNELS, topicOf } from './channels';
import { checkpointFrom, checkpointText, newer, type RelayCheckpoint } from './checkpoints';
import { bytesOf } from './messages/envelope';
import { Relay, type RelayOptions } from './relay';
import { MemoryCheckpoints, MemoryTopics } from './testing/memory-kafka';
import { faultsOf } from './testing/message-contract';

const LIFECYCLE = topicOf('gatehouse', 'lifecycle');
const ENGINEERING = topicOf('gatehouse', 'engineering');

/** A log with some lives in it. */
async function logOf(commands: number, store = new MemoryEventStore(), seed = 3): Promise<MemoryEventStore> {
  const lives = new Lives(store);
  const next = randomFrom(seed);
  for (let i = 0; i < commands; i++) {
    const { command, actor } = randomCommand(next, Math.floor(i / 40));
    await lives.issue('acme', `m${next(4)}`, command, actor);
  }
  return store;
}

/** What all relays of the running test have sent to: each of the messages has to be as promised. */
const sentTo: MemoryTopics[] = [];
afterEach(async () => {
  const messages = sentTo.splice(0).flatMap(({ sends }) => sends.flat());
  expect(await faultsOf(messages, 'gatehouse')).toEqual([]);
});

/** A relay over topics in memory, and what happens to it. */
class Running<Store extends EventStore = MemoryEventStore> {
  readonly topics = new MemoryTopics();
  readonly checkpoints = new MemoryCheckpoints(this.topics);
  readonly errors: string[] = [];
  private owners = 0;

  constructor(readonly store: Store) {
    sentTo.push(this.topics);
  }

  /** Relays until it has come to the end, has stopped, or has failed so often. */
  async relay(
    options: Partial<RelayOptions> & { fails?: number; batch?: number } = {},
  ): Promise<FollowStatus> {
    const { fails = 100, batch = 10, ...more } = options;
    const relay = new Relay({
      store: this.store,
      publisher: this.topics,
      checkpoints: this.checkpoints,
      owner: `owner-${++this.owners}`,
      prefix: 'gatehouse',
      maxRecordBytes: 800_000,
      maxSendBytes: 800_000,
      ...more,
    });
    const leaving = new AbortController();
    let failed = 0;
    const following = follow(this.store, relay, {
      signal: leaving.signal,
      batch,
      retryMs: { first: 1, longest: 5 },
      onError: ({ message }) => {
        this.errors.push(message);
        if (++failed >= fails) leaving.abort();
      },
    });
    const { head } = await this.store.log();
    await Promise.race([following.reached(head, 20_000), following.done]);
    const status = following.status();
    leaving.abort();
    await following.done;
    return status;
  }

  async ids(): Promise<string[]> {
    return (await toHead(this.store)).map(({ id }) => id);
  }
}

const unique = <T>(items: readonly T[]) => [...new Set(items)];

describe('the relay', () => {
  it('sends every event to lifecycle, once, in the order of the log; each event in one send', async () => {
    const running = new Running(await logOf(400));
    expect(await running.relay()).toMatchObject({ state: 'live', lag: 0n });
    expect(running.topics.ids(LIFECYCLE)).toEqual(await running.ids());
    const sendsOf = new Map<string, Set<number>>();
    for (const [send, messages] of running.topics.sends.entries())
      for (const { headers } of messages) {
        const id = headers['ce_id']!;
        sendsOf.set(id, (sendsOf.get(id) ?? new Set()).add(send));
      }
    expect([...sendsOf.values()].every(({ size }) => size === 1)).toBe(true);
    expect(running.topics.ids(ENGINEERING).length).toBeGreaterThan(3);
  });

  it.each(['policy.Published', 'policy.Activated'])(
    'passes %s, which is no release: nothing is sent, and the checkpoint moves',
    async (type) => {
      const golden = readFileSync(join(__dirname, `../../domain/golden/${type}.json`), 'utf8');
      const { stored } = JSON.parse(golden) as { stored: NewEvent };
      const running = new Running(await logOf(20));
      await running.relay();
      const sent = running.topics.sends.length;
      const event = { ...stored, id: stored.meta['id'] as string };
      const { position } = await running.store.append('policy-acme', -1n, [event]);
      expect(await running.relay()).toMatchObject({ state: 'live', lag: 0n });
      expect(running.topics.sends.length).toBe(sent);
      const newest = await running.checkpoints.newest();
      expect(newest).toMatchObject({ position, stream: 'policy-acme' });
      // No channel is behind for what it does not carry.
      for (const channel of Object.values(newest!.channels)) expect(channel.position).toBe(position);
    },
  );

  it('goes on after its checkpoint: nothing twice, nothing missing', async () => {
    const running = new Running(await logOf(100));
    await running.relay();
    await logOf(100, running.store, 11).catch(() => undefined);
    const lives = new Lives(running.store);
    await lives.issue('acme', 'another', { verb: 'register', data: registration });
    await running.relay();
    expect(running.topics.ids(LIFECYCLE)).toEqual(await running.ids());
  });

  it('no send of a topic is larger than it may be, and a large record goes alone', async () => {
    const running = new Running(await logOf(300));
    await running.relay({ maxSendBytes: 4_000, batch: 250 });
    expect(running.topics.ids(LIFECYCLE)).toEqual(await running.ids());
    const sizes = running.topics.sends.flatMap((messages) =>
      CHANNELS.map((channel) => {
        const own = messages.filter(({ topic }) => topic === topicOf('gatehouse', channel));
        return own.length < 2 ? 0 : own.map(bytesOf).reduce((a, b) => a + b, 0);
      }),
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4_000);
  });

  it('an answer that is lost costs duplicates of one batch, and nothing else', async () => {
    const running = new Running(await logOf(300));
    running.topics.answersLost = 1;
    await running.relay({ batch: 10 });
    const ids = running.topics.ids(LIFECYCLE);
    expect(unique(ids)).toEqual(await running.ids());
    expect(ids.length - unique(ids).length).toBeLessThanOrEqual(10);
    expect(ids.length).toBeGreaterThan(unique(ids).length);
  });

  it('the checkpoint never passes what was not acknowledged', async () => {
    const running = new Running(await logOf(200));
    running.topics.refusing.add(ENGINEERING);
    await running.relay({ fails: 6 });
    const { position } = (await running.checkpoints.newest())!;
    const due = (await toHead(running.store)).find(({ type }) => /Promoted|RolledBack|Deprecated/.test(type));
    expect(position).toBeGreaterThan(0n);
    expect(position).toBeLessThan(due!.position);
  });

  it('a topic that refuses holds up the others, and gives them no endless duplicates', async () => {
    const running = new Running(await logOf(200));
    running.topics.refusing.add(ENGINEERING);
    await running.relay({ fails: 12 });
    const ids = running.topics.ids(LIFECYCLE);
    // Once when it was found out, and once for itself; never again.
    expect(ids.length - unique(ids).length).toBeLessThanOrEqual(10);
    running.topics.refusing.clear();
    await running.relay();
    expect(unique(running.topics.ids(LIFECYCLE))).toEqual(await running.ids());
    expect(unique(running.topics.ids(ENGINEERING)).length).toBe(
      (await toHead(running.store)).filter(({ type }) => /Promoted|RolledBack|Deprecated/.test(type)).length,
    );
  });

  it('says which topic refuses, and that the others do not', async () => {
    const running = new Running(await logOf(200));
    running.topics.refusing.add(ENGINEERING);
    const relay = new Relay({
      store: running.store,
      publisher: running.topics,
      checkpoints: running.checkpoints,
      owner: 'me',
      prefix: 'gatehouse',
      maxRecordBytes: 800_000,
      maxSendBytes: 800_000,
    });
    const leaving = new AbortController();
    const following = follow(running.store, relay, {
      signal: leaving.signal,
      retryMs: { first: 1, longest: 2 },
      onError: () => relay.deliveries.failures.size === 1 && leaving.abort(),
    });
    await following.done;
    expect([...relay.deliveries.failures.keys()]).toEqual([ENGINEERING]);
  });

  it('a checkpoint that cannot be saved is tried again', async () => {
    const running = new Running(await logOf(60));
    running.checkpoints.failing = 3;
    expect(await running.relay()).toMatchObject({ state: 'live' });
    expect(unique(running.topics.ids(LIFECYCLE))).toEqual(await running.ids());
  });

  it('that is told to stop in the middle of a send notes down what was acknowledged, and sends nothing more', async () => {
    const running = new Running(await logOf(60));
    const leaving = new AbortController();
    const publisher = {
      publish: async (messages: Parameters<MemoryTopics['publish']>[0]) => {
        await running.topics.publish(messages);
        leaving.abort();
      },
      close: () => running.topics.close(),
    };
    await running.relay({ publisher, signal: leaving.signal, fails: 1 });
    expect(running.topics.sends).toHaveLength(1);
    await running.relay();
    expect(running.topics.ids(LIFECYCLE)).toEqual(await running.ids());
  });

  it('sends nothing more once it is not the owner', async () => {
    const running = new Running(await logOf(60));
    const signal = AbortSignal.abort();
    await running.relay({ signal, fails: 2 });
    expect(running.topics.sends).toEqual([]);
  });
});

describe('a stream that lost events', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-gap-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['while the relay looked elsewhere', 3],
    ['before it began', 0],
  ])('%s: it stops in front of the gap, says so and names nobody', async (_, before) => {
    const file = join(folder, `${before}.db`);
    let store = await SqliteEventStore.open({ file });
    const running = new Running(store);
    await register(store, before);
    await running.relay();
    const sent = running.topics.ids(LIFECYCLE);
    await register(store, 4, before);
    await store.close();
    deleteEvent(file, before);
    store = await SqliteEventStore.open({ file });
    const later = new Running(store);
    Object.assign(later, { topics: running.topics, checkpoints: running.checkpoints });
    const status = await later.relay();
    await store.close();
    expect(status).toMatchObject({
      state: 'stopped',
      error: `a stream has no revision ${before}: the log was truncated`,
    });
    expect(later.errors.at(-1)).toContain('stream model-acme.m has no revision');
    expect(running.topics.ids(LIFECYCLE)).toEqual(sent);
  });

  it('of which the relay has seen the events before: it stops in front of the gap', async () => {
    const file = join(folder, 'in-one.db');
    let store = await SqliteEventStore.open({ file });
    await register(store, 6);
    await store.close();
    deleteEvent(file, 3);
    store = await SqliteEventStore.open({ file });
    const running = new Running(store);
    const { state } = await running.relay();
    await store.close();
    expect(state).toBe('stopped');
    expect(running.topics.ids(LIFECYCLE)).toHaveLength(3);
    expect(await running.checkpoints.newest()).toMatchObject({ revision: 2n });
  });

  /** Only `lifecycle` tells of these: nothing that they point at has to be looked for. */
  const register = async (store: SqliteEventStore, times: number, from = 0) => {
    for (let at = from; at < from + times; at++) {
      const id = randomUUID();
      const meta = { ...REGISTERED.meta, id, tenant: 'acme', model: 'm' };
      const data = { ...REGISTERED.data, version: at + 1 };
      await store.append('model-acme.m', BigInt(at) - 1n, [{ id, type: REGISTERED.type, data, meta }]);
    }
  };
  const deleteEvent = (file: string, revision: number) => {
    const db = new Database(file);
    db.exec('DROP TRIGGER events_never_go');
    db.prepare('DELETE FROM events WHERE revision = ?').run(revision);
    db.close();
  };
});

describe('where the relay starts', () => {
  it('channels that hold messages, and no checkpoint: it stops, and says where to read on', async () => {
    const running = new Running(await logOf(20));
    await running.relay();
    running.checkpoints.records.clear();
    const before = running.topics.sends.length;
    expect(await running.relay()).toMatchObject({ state: 'stopped' });
    expect(running.errors.at(-1)).toMatch(/no checkpoint.*docs\/channels\.md/);
    expect(running.topics.sends.length).toBe(before);
  });

  it('a copy of the log under another id: it goes on behind the event of its checkpoint, wherever that stands', async () => {
    const running = new Running(await logOf(100));
    await running.relay();
    const delivered = running.topics.sends.length;
    const copy = new MemoryEventStore();
    // Other events in between, so that positions differ.
    await new Lives(copy).issue('other', 'first', { verb: 'register', data: registration });
    for (const event of await toHead(running.store))
      await copy.append(event.stream, event.revision - 1n, [event]);
    const moved = new Running(copy);
    Object.assign(moved, { topics: running.topics, checkpoints: running.checkpoints });
    const last = await new Lives(copy).issue('other', 'second', { verb: 'register', data: registration });
    expect(await moved.relay()).toMatchObject({ state: 'live' });
    const after = running.topics.sends.slice(delivered).flat();
    expect(after.map(({ headers }) => headers['ce_id'])).toEqual([last![0]!.id]);
  });

  it('a log without the event of the checkpoint: it stops, and sends nothing', async () => {
    const running = new Running(await logOf(40));
    await running.relay();
    const other = new Running(await logOf(40, new MemoryEventStore(), 99));
    Object.assign(other, { topics: running.topics, checkpoints: running.checkpoints });
    const before = running.topics.sends.length;
    expect(await other.relay()).toMatchObject({ state: 'stopped' });
    expect(other.errors.at(-1)).toMatch(/does not hold its event/);
    expect(running.topics.sends.length).toBe(before);
  });

  describe('where docs/channels.md has an operator write a checkpoint', () => {
    const page = readFileSync(join(__dirname, '../../../docs/channels.md'), 'utf8');
    const [fromStart, behind] = [...page.matchAll(/```json\n(.*?)\n```/gs)].map(([, text]) => text!);
    const written = async (text: string) => {
      const running = new Running(await logOf(60));
      await running.relay();
      const sent = running.topics.sends.length;
      running.checkpoints.records.clear();
      running.checkpoints.records.set('1.operator', checkpointFrom(text)!);
      const resent = () => running.topics.sends.slice(sent).flat();
      return { running, lifecycle: () => resent().filter(({ topic }) => topic === LIFECYCLE) };
    };

    it('everything is sent again, from the start', async () => {
      const { running, lifecycle } = await written(fromStart!);
      expect(await running.relay()).toMatchObject({ state: 'live' });
      expect(lifecycle().map(({ headers }) => headers['ce_id'])).toEqual(await running.ids());
    });

    it('it goes on behind the event that was named', async () => {
      const fifth = (await toHead(await logOf(60)))[4]!;
      const { stream, revision, id } = fifth;
      const text = JSON.stringify({ ...JSON.parse(behind!), stream, revision: String(revision), id });
      const { running, lifecycle } = await written(text);
      expect(await running.relay()).toMatchObject({ state: 'live' });
      expect(lifecycle().map(({ headers }) => headers['ce_id'])).toEqual((await running.ids()).slice(5));
    });

    it('whoever was stopped says which section to read', () => {
      for (const section of ['No checkpoint', 'Another log']) expect(page).toContain(`### ${section}\n`);
    });
  });

  it('every owner claims a generation of its own before it sends', async () => {
    const running = new Running(await logOf(20));
    await running.relay();
    await running.relay();
    const generations = [...running.checkpoints.records.values()].map(({ generation }) => generation);
    expect(generations).toEqual([1, 2]);
  });

  it('who slept after it read the checkpoint, and is not the owner any more, claims nothing', async () => {
    const running = new Running(await logOf(40));
    await running.relay({ term: 1 });
    const before = new Map(running.checkpoints.records);
    const leaving = new AbortController();
    const confirmed = () => {
      leaving.abort();
      return Promise.reject(new Error('this process no longer relays'));
    };
    await running.relay({ term: 0, confirmed, signal: leaving.signal, fails: 1 });
    expect(running.checkpoints.records).toEqual(before);
  });

  it('a claim that is written late never wins against one of the same generation, nor does what follows it', async () => {
    const running = new Running(await logOf(40));
    const { checkpoints } = running;
    let wake = () => {};
    const asleep = new Promise<void>((woken) => (wake = woken));
    let claiming = () => {};
    const claims = new Promise<void>((resolve) => (claiming = resolve));
    const slow = {
      newest: () => checkpoints.newest(),
      anythingDelivered: () => checkpoints.anythingDelivered(),
      save: async (checkpoint: RelayCheckpoint) => {
        claiming();
        await asleep;
        await checkpoints.save(checkpoint);
      },
    };
    const former = running.relay({ checkpoints: slow, term: 1 });
    await claims;
    await running.relay({ term: 2 });
    const latter = await checkpoints.newest();
    // The former owner is told of an end of the log that the latter did not see any more.
    await new Lives(running.store).issue('acme', 'late', { verb: 'register', data: registration });
    wake();
    await former;
    const generations = [...checkpoints.records.values()].map(({ generation }) => generation);
    expect(generations).toEqual([1, 1]);
    expect(await checkpoints.newest()).toEqual(latter);
  });
});

describe('the checkpoint', () => {
  const at = (generation: number, position: bigint, owner = 'a'): RelayCheckpoint => ({
    ...{ logId: 'l', stream: 's', revision: 0n, id: 'i', generation, position, owner },
    channels: { t: { position, at: null } },
  });

  it('what a former owner writes late never wins, however far it says it is', () => {
    const [old, now] = [at(6, 900n), at(7, 500n)];
    expect(newer(now, old)).toBe(now);
    expect(newer(old, now)).toBe(now);
    expect(newer(at(7, 500n), at(7, 501n)).position).toBe(501n);
    expect(newer(at(7, 501n), at(7, 500n, 'b')).position).toBe(501n);
    // Two claimed one generation, and the later election decides.
    const [first, second] = [
      { ...at(7, 900n), term: 3 },
      { ...at(7, 500n, 'b'), term: 4 },
    ];
    expect(newer(second, first)).toBe(second);
    expect(newer(first, second)).toBe(second);
  });

  it('is read back as it was written, and what is none is passed over', () => {
    expect(checkpointFrom(checkpointText(at(7, 2n ** 60n)))).toEqual(at(7, 2n ** 60n));
    for (const text of ['', 'null', '{}', '{"generation":1}', '[1]']) expect(checkpointFrom(text)).toBeNull();
  });
});

const registration = { digest: `sha256:${'a'.repeat(64)}`, changelog: 'c', manifest: { config: 1 } };
const REGISTERED = (
  JSON.parse(readFileSync(join(__dirname, '../../domain/golden/model.Registered.json'), 'utf8')) as {
    stored: NewEvent;
  }
).stored;
