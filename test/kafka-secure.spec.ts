import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { KafkaRelay } from '@gatehouse/messaging/kafka';
import { readSettings } from '@gatehouse/platform';
import { authorOf } from './kafka/author';
import { reconcile } from './kafka/reconcile';
import { type SecureBroker, startSecureBroker } from './kafka/secure-broker';

const WITHIN_MS = 90_000;
const EVENTS = 60;

describe('a broker behind TLS and SASL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-secure-'));
  let broker: SecureBroker;
  let relay: KafkaRelay;
  let store: MemoryEventStore;
  let prefix: string;
  let said: string[];

  beforeAll(async () => (broker = await startSecureBroker()), 300_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    prefix = `gh-${randomUUID()}`;
    said = [];
    store = new MemoryEventStore();
    await authorOf(store)(EVENTS);
  });
  afterEach(() => relay.stop());

  /** The relay as the service makes it from these settings. */
  const start = (env: { readonly [name: string]: string }) => {
    const { kafka } = readSettings({ GATEHOUSE_KAFKA_PREFIX: prefix, ...env });
    const { connection, ...more } = kafka!;
    relay = new KafkaRelay({
      kafka: connection,
      ...more,
      store,
      log: { log: (_, fields, message) => said.push(`${message} ${JSON.stringify(fields)}`) },
      relays: true,
    });
  };
  const until = async (
    what: string,
    holds: (status: Awaited<ReturnType<KafkaRelay['status']>>) => boolean,
  ) => {
    for (const end = Date.now() + WITHIN_MS; ; await sleep(20)) {
      const status = await relay.status();
      if (holds(status)) return status;
      if (Date.now() > end) throw new Error(`not ${what}: ${status.role}, ${status.error}`);
    }
  };
  const everythingArrives = async () => {
    await until('delivered', ({ channels }) => channels.every(({ state }) => state === 'live'));
    const { missing, disorder, events } = await reconcile(store, broker.open, prefix);
    expect({ missing, disorder }).toEqual({ missing: [], disorder: [] });
    expect(events).toBeGreaterThanOrEqual(EVENTS);
  };
  const secret = (mechanism: string, password = broker.password) => ({
    GATEHOUSE_KAFKA_SASL: `${mechanism}:${broker.user}`,
    GATEHOUSE_KAFKA_PASSWORD: password,
  });

  it('is relayed to over TLS, with the authority of a file', async () => {
    start({ GATEHOUSE_KAFKA: broker.tls, GATEHOUSE_KAFKA_TLS: broker.caFile });
    await everythingArrives();
  }, 180_000);

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])(
    'is relayed to over TLS by a user of %s who has the rights that docs/channels.md asks for',
    async (mechanism) => {
      await broker.allow(prefix);
      start({ GATEHOUSE_KAFKA: broker.sasl, GATEHOUSE_KAFKA_TLS: broker.caFile, ...secret(mechanism) });
      await everythingArrives();
    },
    180_000,
  );

  it('is relayed to in clear text by SCRAM, which does not send the password', async () => {
    await broker.allow(prefix);
    start({ GATEHOUSE_KAFKA: broker.clear, ...secret('scram-sha-512') });
    await everythingArrives();
  }, 180_000);

  it('that gives no right to join the group is not relayed to, and says which right may be missing', async () => {
    await broker.allow(prefix, ['topics']);
    start({ GATEHOUSE_KAFKA: broker.clear, ...secret('scram-sha-512') });
    // A right that was just given may not be known yet, which is another error.
    const missing = `no right (Read, Describe) on the groups that begin with ${prefix}.relay`;
    const { role } = await until('told', ({ error }) => error?.includes(missing) === true);
    expect(role).toBe('connecting');
  }, 180_000);

  it('with a certificate of an authority that is not trusted gets nothing, and the reason is told', async () => {
    const other = join(folder, 'other.pem');
    writeFileSync(other, rootCertificates[0]!);
    start({ GATEHOUSE_KAFKA: broker.tls, GATEHOUSE_KAFKA_TLS: other });
    const { role } = await until('told', ({ error }) => /certificate/.test(error ?? ''));
    expect(role).toBe('connecting');
  }, 180_000);

  it.each(['plain', 'scram-sha-512'])(
    'refuses a wrong password of %s: the reason is told, and the password is not',
    async (mechanism) => {
      const password = 'not-the-password';
      start({
        GATEHOUSE_KAFKA: broker.sasl,
        GATEHOUSE_KAFKA_TLS: broker.caFile,
        ...secret(mechanism, password),
      });
      const { role, error } = await until('told', (status) => /authentication/i.test(status.error ?? ''));
      expect(role).toBe('connecting');
      expect([error, ...said].join()).not.toContain(password);
    },
    180_000,
  );
});
