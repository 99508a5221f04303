import { Kafka, logLevel } from 'kafkajs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../test/kafka/broker';
import type { Consuming } from './channel';
import { consumerOf, type Team, TEAMS } from './teams';

const PREFIX = 'gatehouse-demo';
const CAUGHT_UP_WITHIN_MS = 60_000;

/** The three teams, reading while the demo goes on. */
export type Teams = {
  /** What the service has to be told. */
  readonly settings: { readonly GATEHOUSE_KAFKA: string; readonly GATEHOUSE_KAFKA_PREFIX: string };
  /** Starts the consumers; the service makes their topics first. */
  listen(api: string, key: string): Promise<void>;
  /** Once they have read all there is: how much that was, and the last of it. */
  summary(api: string, key: string): Promise<string>;
  /** From now on each message is printed as it comes. */
  follow(): void;
  stop(): Promise<void>;
};

type Heard = { messages: number; last: string[] };

/** With the broker of `KAFKA_BROKERS`, or with Apache Kafka itself, started for the occasion (Java and Maven needed). */
export async function besideTheDemo(): Promise<Teams> {
  const given = process.env['KAFKA_BROKERS'] || undefined;
  const broker = given ? undefined : await startBroker();
  const brokers = given?.split(',') ?? [broker!.address];
  // A broker that is new knows nothing of what was seen in an earlier run.
  const folder = given ? join(__dirname, '../../.consumers', PREFIX) : await mkdtemp(join(tmpdir(), PREFIX));
  const heard = new Map<Team, Heard>();
  const consuming: Consuming[] = [];
  let following = false;
  const hear = (team: Team) => (lines: string[]) => {
    heard.set(team, { messages: (heard.get(team)?.messages ?? 0) + 1, last: lines });
    if (following) console.log(lines.map((line) => `[${team}] ${line}`).join('\n'));
  };
  return {
    settings: { GATEHOUSE_KAFKA: brokers.join(','), GATEHOUSE_KAFKA_PREFIX: PREFIX },
    listen: async (api, key) => {
      await relayed(api, key);
      for (const team of TEAMS)
        consuming.push(await consumerOf(team, { brokers, prefix: PREFIX, folder }, hear(team)));
    },
    summary: async (api, key) => {
      await relayed(api, key);
      await allRead(brokers);
      return [`What the teams read (Kafka at ${brokers.join(', ')}):`, ...TEAMS.flatMap(said(heard))].join(
        '\n',
      );
    },
    follow: () => void (following = true),
    stop: async () => {
      await Promise.all(consuming.map((one) => one.stop()));
      await broker?.stop();
      if (!given) await rm(folder, { recursive: true, force: true });
    },
  };
}

function said(heard: Map<Team, Heard>): (team: Team) => string[] {
  return (team) => {
    const { messages, last } = heard.get(team) ?? { messages: 0, last: [] };
    return [`  ${team}: ${messages} messages, the last one`, ...last.map((line) => `    ${line}`)];
  };
}

/** Resolves when every channel has all of the log. */
async function relayed(api: string, key: string): Promise<void> {
  await until('the relay to catch up', async () => {
    const answer = await fetch(`${api}/v1/channels`, { headers: { authorization: `Bearer ${key}` } });
    const { channels } = (await answer.json()) as { channels: { lag: string | null }[] };
    return channels.length > 0 && channels.every(({ lag }) => lag === '0');
  });
}

/** Resolves when each group has come to the end of its topic. */
async function allRead(brokers: string[]): Promise<void> {
  const admin = new Kafka({ clientId: PREFIX, brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const left = async (team: Team): Promise<number> => {
    const topic = `${PREFIX}.${team}.v1`;
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: `${PREFIX}-example-${team}`, topics: [topic] }),
    ]);
    const at = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    return ends.reduce(
      (sum, { partition, high }) => sum + Number(high) - Math.max(0, at.get(partition) ?? 0),
      0,
    );
  };
  try {
    await until('the consumers to read', async () => {
      const lefts = await Promise.all(TEAMS.map(left));
      return lefts.every((count) => count === 0);
    });
  } finally {
    await admin.disconnect();
  }
}

async function until(what: string, so: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + CAUGHT_UP_WITHIN_MS;
  while (!(await so())) {
    if (Date.now() > deadline) throw new Error(`waited ${CAUGHT_UP_WITHIN_MS / 1000} s for ${what}`);
    await sleep(100);
  }
}
