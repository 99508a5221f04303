import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, PolicyDocument } from '@gatehouse/domain';
import { MemoryEventStore } from '@gatehouse/eventsourcing/testing';
import { KafkaRelay } from '@gatehouse/messaging/kafka';
import { Lives, register } from '../libs/projections/src/testing/lives';
import { reconcile } from './kafka/reconcile';
import { sharedBroker } from './kafka/shared-broker';

const WITHIN_MS = 90_000;
const BOUNDED: PolicyDocument = {
  policy: 'bounded',
  models: ['fraud'],
  staging: { suites: [{ suite: 'holdout', metrics: { f1: { min: 0.8 } } }] },
};

const measured = (suite: string, f1: number, thresholds = {}): Command => ({
  verb: 'evaluate',
  data: { version: 1, suite, dataset: { name: suite }, metrics: { f1 }, thresholds },
});

/** Six evaluations under a policy with a bound on `holdout`; two of them are gates that held the version back. */
const COMMANDS = [
  register('one'),
  measured('holdout', 0.7), // by the policy's bound alone
  measured('holdout', 0.9),
  measured('stress', 0.7), // no bound at all: inconclusive, and no gate
  measured('stress', 0.7, { f1: { min: 0.75 } }), // by its own
  measured('stress', 0.8, { f1: { min: 0.75 } }),
];

it('a gate that only the policy holds is told to data science like any other; an evaluation without a bound is not', async () => {
  const store = new MemoryEventStore();
  const lives = new Lives(store, BOUNDED);
  for (const command of COMMANDS) expect(await lives.issue('acme', 'fraud', command)).toHaveLength(1);
  const { address } = await sharedBroker();
  const prefix = `gh-${randomUUID()}`;
  const relay = new KafkaRelay({
    kafka: { brokers: [address], clientId: 'held-back-spec', tls: false },
    topics: { prefix, partitions: 3, replication: 1 },
    maxBatchBytes: 1_000_000,
    store,
    log: { log: () => undefined },
    relays: true,
  });
  try {
    const until = Date.now() + WITHIN_MS;
    while (!(await relay.status()).channels.every(({ state }) => state === 'live') && Date.now() < until)
      await sleep(50);
  } finally {
    await relay.stop();
  }
  const { records, ...found } = await reconcile(store, address, prefix);
  expect(found).toMatchObject({ events: COMMANDS.length, missing: [], disorder: [] });
  expect(records).toEqual({ lifecycle: COMMANDS.length, 'data-science': 2, engineering: 0, product: 0 });
}, 300_000);
