import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteEventStore } from '@gatehouse/event-store';
import type { EventStore } from '@gatehouse/eventsourcing';
import { kafkaClient, KafkaRelay } from '@gatehouse/messaging/kafka';
import { withAdmin } from '../libs/messaging/src/kafka/topics';
import { authorOf } from './kafka/author';
import { reconcile } from './kafka/reconcile';
import { sharedBroker } from './kafka/shared-broker';
import { HttpClient } from './support/http';
import { startService } from './support/service';

const EVENTS = 200;
const UNKNOWN = /^position \d+: unknown event model\.Archived; is this release older than the log\?$/;
const silent = { log: () => undefined };

describe('a relay that cannot go on, because a newer release wrote into the log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-stopped-'));
  /** The same log twice: in one of them there is an event that nobody here knows. */
  const known = join(folder, 'known.db');
  const data = join(folder, 'data');
  const unknown = join(folder, 'events.db');
  const relays: KafkaRelay[] = [];
  const stores: SqliteEventStore[] = [];
  let address: string;
  let prefix: string;

  beforeAll(async () => {
    ({ address } = await sharedBroker());
    const store = await SqliteEventStore.open({ file: known });
    await authorOf(store)(EVENTS);
    await store.close();
    copyFileSync(known, unknown);
    const damaged = await SqliteEventStore.open({ file: unknown });
    await appendUnknown(damaged);
    await damaged.close();
  }, 600_000);
  beforeEach(() => (prefix = `gh-${randomUUID()}`));
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const open = async (file: string) => {
    const store = await SqliteEventStore.open({ file });
    stores.push(store);
    return store;
  };
  const start = (store: EventStore, mayRelay = true) => {
    const relay = new KafkaRelay({
      kafka: { brokers: [address], clientId: 'stopped-spec', tls: false },
      topics: { prefix, partitions: 3, replication: 1 },
      maxBatchBytes: 1_000_000,
      store,
      log: silent,
      relays: mayRelay,
    });
    relays.push(relay);
    return relay;
  };
  const members = async () => {
    const kafka = kafkaClient({ brokers: [address], clientId: 'stopped-spec', tls: false }, silent);
    const { groups } = await withAdmin(kafka, (admin) => admin.describeGroups([`${prefix}.relay`]));
    return groups.flatMap((group) => group.members).length;
  };
  const until = async (what: string, holds: () => Promise<boolean>, withinMs = 90_000) => {
    for (const end = Date.now() + withinMs; !(await holds()); await sleep(50))
      if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
  };

  it('says why, wherever one looks, and leaves its place to another, which goes on', async () => {
    const store = await open(unknown);
    const stopped = start(store);
    const observer = start(store, false);
    await until('it stops', async () => (await stopped.status()).role === 'stopped');
    const states = async (relay: KafkaRelay) => (await relay.status()).channels.map(({ state }) => state);
    await until('who looks on knows', async () => (await states(observer)).includes('stopped'));
    for (const relay of [stopped, observer]) {
      const { error, stopped: why, channels } = await relay.status();
      expect(error).toMatch(UNKNOWN);
      expect(why).toBe(error);
      for (const { state, error: reason } of channels)
        expect({ state, reason }).toEqual({ state: 'stopped', reason: error });
    }
    expect((await observer.status()).role).toBe('observer');

    await until('it has left the group', async () => (await members()) === 0);
    const other = start(await open(known));
    await until('the other relays', async () => (await states(other)).every((state) => state === 'live'));
    await until('who looks on has heard', async () => !(await states(observer)).includes('stopped'));
    // Where it stopped one still sees that it did, and that the channels go on.
    expect(await stopped.status()).toMatchObject({
      role: 'stopped',
      error: expect.stringMatching(UNKNOWN) as string,
    });
    await until('it has heard, too', async () => !(await states(stopped)).includes('stopped'));
    const { missing, disorder } = await reconcile(stores.at(-1)!, address, prefix);
    expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
  }, 600_000);

  it('stops the service on one machine as well: all doors say why, and none of them who is in the log', async () => {
    // The first start of a service makes keys, which the log has to hold: so the event comes later.
    const first = await startService({ GATEHOUSE_DATA: data });
    await first.stop();
    const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
    await authorOf(store)(EVENTS);
    await appendUnknown(store);
    await store.close();
    const service = await startService(
      { GATEHOUSE_DATA: data, GATEHOUSE_KAFKA: address, GATEHOUSE_KAFKA_PREFIX: prefix },
      data,
    );
    const http = new HttpClient(service.http);
    try {
      const text = async (path: string) => (await fetch(`${service.http}${path}`)).text();
      await until('it stops', async () => /^gatehouse_relay_stopped 1$/m.test(await text('/metrics')));
      const { body } = await http.get<{ relay: { role: string; error: string }; channels: object[] }>(
        '/v1/channels',
      );
      const ready = JSON.parse(await text('/readyz')) as { degraded: string[]; channels: object[] };
      expect(body.relay).toEqual({ role: 'stopped', error: expect.stringMatching(UNKNOWN) as string });
      expect(ready.degraded).toContain(`the relay is stopped: ${body.relay.error}`);
      expect(ready.channels).toEqual(body.channels);
      for (const channel of body.channels)
        expect(channel).toMatchObject({ state: 'stopped', error: body.relay.error });
      expect(await text('/metrics')).toMatch(/^gatehouse_channel_failing\{topic=".*lifecycle.v1"\} 1$/m);
      for (const said of [await text('/readyz'), JSON.stringify(body), await text('/metrics')])
        expect(said).not.toMatch(/acme|model-\d/);
    } finally {
      http.close();
      await service.stop();
    }
  }, 600_000);
});

/** As a release would that knows more than this one. */
async function appendUnknown(store: SqliteEventStore): Promise<void> {
  const id = randomUUID();
  const meta = { id, time: new Date().toISOString(), tenant: 'acme', model: 'later', schema: 1 };
  await store.append('model-acme.later', -1n, [{ id, type: 'model.Archived', data: {}, meta }]);
}
