import { Kafka as CloudEventsOverKafka } from 'cloudevents';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, modelStream, type Command, type PolicyDocument } from '@gatehouse/domain';
import type { Recorded } from '@gatehouse/eventsourcing';
import { MemoryEventStore, toHead } from '@gatehouse/eventsourcing/testing';
import {
  approve,
  CI,
  evaluate,
  Lives,
  PEOPLE,
  randomCommand,
  randomFrom,
  register,
} from '../../../projections/src/testing/lives';
import { PointedAt } from '../pointed-at';
import type { Message } from '../publisher';
import { MessageContract } from '../testing/message-contract';
import { TYPES } from './envelope';
import { messagesOf } from './messages';

const ENVELOPE = { prefix: 'gatehouse', publicUrl: 'https://gatehouse.example', maxRecordBytes: 800_000 };
const CONTRACTS = join(__dirname, '../../../contracts');
const GOLDEN = join(__dirname, '../../../domain/golden');
const [ROSA, BOB] = PEOPLE;
let contract: MessageContract;
beforeAll(async () => (contract = await MessageContract.open()));

/** The messages of every event in a store. */
async function messagesIn(
  store: MemoryEventStore,
  envelope = ENVELOPE,
  pointedAt = new PointedAt(store),
): Promise<Message[][]> {
  const { logId } = await store.log();
  const all: Message[][] = [];
  for (const event of await toHead(store)) {
    const fact = decode(event);
    const told = await pointedAt.toldOf(event.stream, fact);
    all.push(messagesOf({ fact, stream: event.stream, logId }, told, envelope));
    pointedAt.remember(event.stream, fact, 1_000);
  }
  return all;
}

/** The messages of an event as it was stored once, with nothing there that it points at. */
async function messagesOfGolden(file: string): Promise<Message[]> {
  const { stored } = JSON.parse(readFileSync(join(GOLDEN, file), 'utf8')) as { stored: Recorded };
  const fact = decode({ ...stored, id: stored.meta['id'] as string, position: 9n, revision: 3n });
  const told = await new PointedAt(new MemoryEventStore()).toldOf('model-acme.m', fact);
  return messagesOf({ fact, stream: 'model-acme.m', logId: 'l' }, told, ENVELOPE);
}

const channelsOf = (messages: readonly Message[]) => messages.map(({ topic }) => topic.split('.')[1]);
const body = (messages: readonly Message[], channel: string) =>
  JSON.parse(String(messages.find(({ topic }) => topic.includes(channel))!.value)) as Record<string, unknown>;

/** The rollback request that engineering got, as a command. */
function requestIn(messages: readonly Message[]): Extract<Command, { verb: 'rollBack' }> | null {
  const { rollback } = body(messages, 'engineering') as {
    rollback: {
      headers: Record<string, string>;
      body: Extract<Command, { verb: 'rollBack' }>['data'];
    } | null;
  };
  if (rollback === null) return null;
  const ifPointer = Number(rollback.headers['If-Match']!.replaceAll('"', ''));
  return { verb: 'rollBack', data: { ...rollback.body, ifPointer } };
}

const typeOf = (messages: readonly Message[]) => messages[0]!.headers['ce_type']!;

/** A model whose pointer moved about: four versions, the first of them promoted, then so many attempts. */
async function movedAbout(next: (n: number) => number, attempts: number) {
  const store = new MemoryEventStore();
  const lives = new Lives(store);
  const issue = (command: Command) =>
    lives.issue('acme', 'fraud', command, command.verb === 'approve' ? ROSA : BOB);
  const release = async (version: number) => {
    await issue(evaluate(version, 90));
    await issue(approve(version));
    await issue({ verb: 'promote', data: { version } });
  };
  const live = () => lives.states.get(modelStream('acme', 'fraud'))?.pointer.stack.at(-1);
  for (const version of [1, 2, 3, 4]) await lives.issue('acme', 'fraud', register(`seed ${version}`));
  await release(1);
  for (let i = 0; i < attempts; i++) {
    const version = 1 + next(4);
    const roll = next(20);
    const to = roll % 3 === 0 ? { to: next(5) } : {};
    if (roll === 0) await issue({ verb: 'deprecate', data: { version, sunset: '2027-01-31' } });
    else if (roll < 10)
      await issue({ verb: 'rollBack', data: { from: live() ?? 1, reason: 'drift', ...to } });
    else await release(version);
  }
  return { store, lives, live };
}

type Telling = {
  readonly store: MemoryEventStore;
  readonly tell: (command: Command, who?: typeof CI) => Promise<Message[]>;
};

/** A model under a policy: the messages of each command that is issued. */
function telling(document?: PolicyDocument): Telling {
  const store = new MemoryEventStore();
  const lives = new Lives(store, document);
  const tell = async (command: Command, who = CI) => {
    const made = await lives.issue('acme', 'fraud', command, who);
    if (!made?.length) throw new Error(`refused: ${JSON.stringify(command)}`);
    return (await messagesIn(store)).at(-1)!;
  };
  return { store, tell };
}

/** One of which a first version is ready to be promoted. */
async function life(): Promise<Telling> {
  const { store, tell } = telling();
  await tell(register('one', '1.0.0'));
  await tell(evaluate(1, 90));
  await tell(approve(1), ROSA);
  return { store, tell };
}

const measured = (version: number, f1: number, more: object = {}): Command => ({
  verb: 'evaluate',
  data: {
    version,
    suite: 'holdout',
    dataset: { name: 'holdout' },
    metrics: { f1, latency: 41, size: 7 },
    thresholds: { f1: { min: 0.8 }, latency: { max: 50 } },
    ...more,
  },
});

describe('messages', () => {
  it('asyncapi.yaml is a valid AsyncAPI 3.0 document', () => {
    expect(contract.complaints).toEqual([]);
  });

  it('a message of one tenant has nothing of another who has the same names, in key, headers or body', async () => {
    const store = new MemoryEventStore();
    const lives = new Lives(store);
    const tenants = ['acme', 'globex'] as const;
    const step = async (command: (tenant: string) => Command, who = CI) => {
      for (const tenant of tenants)
        expect(await lives.issue(tenant, 'fraud', command(tenant), who)).toHaveLength(1);
    };
    for (const version of [1, 2]) {
      await step((tenant) => register(`${version} of ${tenant}`, `${version}-${tenant}`));
      await step(() => evaluate(version, 90 + version));
      await step(() => approve(version), ROSA);
      await step((tenant) => ({ verb: 'promote', data: { version, note: `${tenant}: go` } }), BOB);
    }
    await step((tenant) => ({ verb: 'rollBack', data: { from: 2, reason: 'other', note: tenant } }), BOB);
    await step(() => ({ verb: 'deprecate', data: { version: 2, sunset: '2027-01-31' } }), BOB);
    const events = await toHead(store);
    const messages = (await messagesIn(store)).flat();
    expect(new Set(channelsOf(messages)).size).toBe(4);
    for (const [own, other] of [tenants, [...tenants].reverse()] as [string, string][]) {
      const theirs = events.filter(({ meta }) => meta['tenant'] === other);
      const digests = theirs.flatMap(
        ({ data }) => /sha256:[0-9a-f]{64}/.exec(JSON.stringify(data.digest))?.[0] ?? [],
      );
      const foreign = [other, ...theirs.map(({ id }) => id), ...digests];
      expect(foreign.length).toBeGreaterThan(15);
      const ours = messages.filter(({ key }) => key === `${own}/fraud`);
      expect(ours).toHaveLength(messages.length / 2);
      const texts = ours.map(({ key, headers, value }) => JSON.stringify([key, headers, String(value)]));
      expect(texts.filter((text) => foreign.some((one) => text.includes(one)))).toEqual([]);
    }
  });

  it('whatever models live through, every message is as its schema and asyncapi.yaml promise', async () => {
    const store = new MemoryEventStore();
    const lives = new Lives(store);
    const next = randomFrom(7);
    for (let i = 0; i < 1_500; i++) {
      const model = `m${next(3)}`;
      const versions = lives.states.get(modelStream('acme', model))?.versions.length ?? 0;
      const { command, actor } = randomCommand(next, Math.min(versions, 6));
      await lives.issue('acme', model, command, actor);
    }
    const messages = (await messagesIn(store)).flat();
    const wrong = messages.flatMap((message) => contract.wrongWith(message, 'gatehouse'));
    expect(wrong).toEqual([]);
    const types = new Set(messages.map(({ topic, headers }) => `${topic} ${headers['ce_type']}`));
    // Seven of them on lifecycle, four on data-science, three on each of the others.
    expect(types.size).toBe(17);
  });

  // Those of policies are no events of a model: the relay passes them over.
  it.each(readdirSync(GOLDEN).filter((file) => file.startsWith('model.')))(
    '%s, with nothing there that it points at, still makes valid messages',
    async (file) => {
      const messages = await messagesOfGolden(file);
      expect(messages.flatMap((message) => contract.wrongWith(message, 'gatehouse'))).toEqual([]);
    },
  );

  it('every type that an event can have is one that lifecycle.schema.json names', () => {
    const schema = readFileSync(join(CONTRACTS, 'messages/lifecycle.schema.json'), 'utf8');
    const { properties } = JSON.parse(schema) as { properties: { type: { enum: string[] } } };
    expect(properties.type.enum.toSorted()).toEqual(Object.keys(TYPES).toSorted());
    const document = readFileSync(join(CONTRACTS, 'asyncapi.yaml'), 'utf8');
    for (const type of Object.values(TYPES)) expect(document).toContain(type.split('.').slice(-2).join('.'));
  });

  it('the same event makes the same bytes, whether or not what it points at was kept, and when it comes again', async () => {
    const { store } = await movedAbout(randomFrom(5), 60);
    const bytes = (messages: Message[][]) => JSON.stringify(messages);
    const kept = new PointedAt(store);
    const once = await messagesIn(store, ENVELOPE, kept);
    expect(once.filter((messages) => typeOf(messages).includes('rolled-back')).length).toBeGreaterThan(5);
    expect(bytes(await messagesIn(store, ENVELOPE, kept))).toBe(bytes(once));
    expect(bytes(await messagesIn(store, ENVELOPE, new PointedAt(store, 0)))).toBe(bytes(once));
  });

  it('another program reads them as CloudEvents', async () => {
    const { tell } = await life();
    const messages = await tell({ verb: 'promote', data: { version: 1 } }, BOB);
    for (const { key, headers, value } of messages) {
      const record = { key, headers, value: String(value), body: String(value) };
      const read = CloudEventsOverKafka.toEvent(record);
      expect(read).toMatchObject({
        specversion: '1.0',
        id: headers['ce_id'],
        type: 'gatehouse.model.promoted.v1',
        subject: 'acme/fraud',
        partitionkey: 'acme/fraud',
        position: '4',
        revision: '3',
      });
    }
    expect(new Set(messages.map(({ headers }) => headers['ce_source'])).size).toBe(4);
  });
});

describe('channels', () => {
  it('a promotion reaches all four, with what its event only points at', async () => {
    const { tell } = await life();
    const messages = await tell({ verb: 'promote', data: { version: 1, note: 'go' } }, BOB);
    expect(channelsOf(messages)).toEqual(['lifecycle', 'data-science', 'engineering', 'product']);
    expect(body(messages, 'data-science')).toMatchObject({
      event: 'promoted',
      version: { version: 1, label: '1.0.0' },
      previous: null,
      suites: [{ suite: 'holdout', metrics: { f1: 0.9 }, passed: true }],
    });
    expect(body(messages, 'engineering')).toMatchObject({
      config: { seed: 'one' },
      artifacts: [],
      pointer: 1,
      rollback: { headers: { 'If-Match': '"1"' }, body: { to: 0 } },
    });
    expect(body(messages, 'product')).toMatchObject({
      headline: 'fraud: version 1 (1.0.0) is live.',
      change: 'Trained with one',
      approvedBy: [{ by: 'rosa', comment: 'as seen' }],
      note: 'go',
    });
  });

  it('a promotion by break-glass says so to every team, and any other one that it was none', async () => {
    const breakGlass = {
      reason: 'prod is down',
      capacity: 'on-call',
      reviewBy: '2026-03-02T12:00:00.000Z',
    };
    const broken = await messagesOfGolden('model.Promoted.break-glass.json');
    const usual = await messagesOfGolden('model.Promoted.json');
    for (const channel of ['data-science', 'engineering', 'product']) {
      expect(body(broken, channel)).toMatchObject({ event: 'promoted', breakGlass });
      expect(body(usual, channel)).toMatchObject({ event: 'promoted', breakGlass: null });
    }
    expect(body(broken, 'product')['headline']).toBe(
      'm: version 1 is live, by break-glass: what it usually waits for was skipped, and a second person looks at it by 2026-03-02T12:00:00.000Z.',
    );
    expect(body(usual, 'product')['headline']).not.toContain('break-glass');
  });

  it('that a break-glass was looked at, only lifecycle tells', async () => {
    const messages = await messagesOfGolden('model.BreakGlassReviewed.json');
    expect(channelsOf(messages)).toEqual(['lifecycle']);
    expect(messages[0]!.headers['ce_type']).toBe('gatehouse.model.break-glass-reviewed.v1');
    expect(body(messages, 'lifecycle')).toMatchObject({ type: 'model.BreakGlassReviewed', version: 1 });
  });

  it('product says what got better and what got worse, and leaves open what nobody declared', async () => {
    const { tell } = await life();
    await tell(measured(1, 0.9));
    await tell(approve(1), BOB);
    await tell({ verb: 'promote', data: { version: 1 } }, BOB);
    await tell(register('two', '2.0.0'));
    await tell(measured(2, 0.93, { metrics: { f1: 0.93, latency: 45, size: 9 } }));
    await tell(approve(2), ROSA);
    const messages = await tell({ verb: 'promote', data: { version: 2 } }, BOB);
    expect(body(messages, 'product')).toMatchObject({
      headline: 'fraud: version 2 (2.0.0) is live, in place of version 1 (1.0.0).',
      better: ['f1 on holdout is 0.93, 0.03 higher than the 0.9 of what was live'],
      worse: ['latency on holdout is 45, 4 higher than the 41 of what was live'],
      moved: ['size on holdout is 9, 2 higher than the 7 of what was live'],
    });
    expect(body(messages, 'engineering')).toMatchObject({
      previous: { version: 1 },
      rollback: { path: '/v1/models/fraud/rollback', headers: { 'If-Match': '"2"' } },
    });
  });

  it('product says what got better and what got worse also where only the policy has the bounds', async () => {
    const { tell } = telling({
      policy: 'bounded',
      models: ['fraud'],
      staging: {
        suites: [
          {
            suite: 'holdout',
            metrics: {
              f1: { min: 0.8 },
              latency: { max: 50 },
              cost: { maxRegression: 3, better: 'lower' },
              recall: { min: 0.5, max: 1, maxRegression: 0.5, better: 'higher' },
              length: { min: 10, max: 90 },
            },
          },
        ],
      },
      production: { approvals: [{ count: 1 }] },
    });
    const release = async (version: number, metrics: object) => {
      await tell(measured(version, 0, { thresholds: {}, metrics }));
      await tell(approve(version), ROSA);
      return tell({ verb: 'promote', data: { version } }, BOB);
    };
    await tell(register('one', '1.0.0'));
    await release(1, { f1: 0.9, latency: 41, cost: 5, recall: 0.75, length: 40, size: 7 });
    await tell(register('two', '2.0.0'));
    const messages = await release(2, { f1: 0.93, latency: 45, cost: 4, recall: 0.5, length: 50, size: 9 });
    expect(body(messages, 'product')).toMatchObject({
      better: [
        'cost on holdout is 4, 1 lower than the 5 of what was live',
        'f1 on holdout is 0.93, 0.03 higher than the 0.9 of what was live',
      ],
      worse: [
        'latency on holdout is 45, 4 higher than the 41 of what was live',
        'recall on holdout is 0.5, 0.25 lower than the 0.75 of what was live',
      ],
      moved: [
        'length on holdout is 50, 10 higher than the 40 of what was live',
        'size on holdout is 9, 2 higher than the 7 of what was live',
      ],
    });
  });

  it('the rollback request is accepted as it is', async () => {
    const { tell } = await life();
    await tell({ verb: 'promote', data: { version: 1 } }, BOB);
    await tell(register('two'));
    await tell(evaluate(2, 95));
    await tell(approve(2), ROSA);
    const messages = await tell({ verb: 'promote', data: { version: 2 } }, BOB);
    const told = await tell(requestIn(messages)!, BOB);
    expect(channelsOf(told)).toEqual(['lifecycle', 'data-science', 'engineering', 'product']);
    expect(body(told, 'engineering')).toMatchObject({
      live: { version: 1, label: '1.0.0' },
      previous: { version: 2 },
      config: { seed: 'one' },
      reason: 'other',
    });
    expect(body(told, 'product')).toMatchObject({ change: 'Trained with one', previous: { version: 2 } });
  });

  it.each<[string, (string | number)[], (number | null)[]]>([
    ['the first promotion', [1], [null]],
    ['each promotion in turn', [1, 2, 3], [2, 1, null]],
    ['a version that came back', [1, 2, 1], [2, null]],
    ['a version whose predecessor is deprecated', [1, 2, 3, 'deprecate 1'], [2, null]],
    ['a version that replaced what was rolled back', [1, 2, 'roll back', 3], [1, null]],
  ])('rollback requests, sent one after the other, lead from %s to nothing', async (_, before, down) => {
    const { tell } = await life();
    for (const version of [2, 3]) {
      await tell(register(`seed ${version}`));
      await tell(evaluate(version, 95));
    }
    let moved: Message[] = [];
    for (const step of before)
      if (step === 'roll back') moved = await tell(requestIn(moved)!, BOB);
      else if (typeof step === 'string')
        await tell({ verb: 'deprecate', data: { version: 1, sunset: '2027-01-31' } }, BOB);
      else {
        if (step > 1) await tell(approve(step), ROSA);
        moved = await tell({ verb: 'promote', data: { version: step } }, BOB);
      }
    const lives: unknown[] = [];
    for (let request = requestIn(moved); request; request = requestIn(moved)) {
      moved = await tell(request, BOB);
      const { live } = body(moved, 'engineering') as { live: { version: number } | null };
      lives.push(live && live.version);
    }
    expect(lives).toEqual(down);
  });

  it('whatever a pointer lives through, the rollback request of its newest move is accepted as it is', async () => {
    const next = randomFrom(11);
    const seen = { down: 0, toNothing: 0, none: 0 };
    for (let life = 0; life < 60; life++) {
      const { store, lives, live } = await movedAbout(next, next(40));
      // What was sent before anything else happened is still accepted now, while the pointer is where it was.
      const moves = (await messagesIn(store)).filter((messages) =>
        /promoted|rolled-back/.test(typeOf(messages)),
      );
      const request = requestIn(moves.at(-1)!);
      expect(request === null).toBe(live() === undefined);
      if (request) expect(lives.would('acme', 'fraud', request, BOB)).toHaveLength(1);
      seen[request === null ? 'none' : request.data.to === 0 ? 'toNothing' : 'down'] += 1;
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(3);
  });

  it('a deprecation says until when, and what comes instead', async () => {
    const { tell } = await life();
    await tell(register('two', '2.0.0'));
    const messages = await tell(
      { verb: 'deprecate', data: { version: 1, sunset: '2027-01-31', successor: 2 } },
      BOB,
    );
    expect(channelsOf(messages)).toEqual(['lifecycle', 'data-science', 'engineering', 'product']);
    expect(body(messages, 'engineering')).toMatchObject({
      sunset: '2027-01-31',
      successor: { label: '2.0.0' },
    });
    expect(body(messages, 'product')).toMatchObject({
      customers: {
        tell: 'fraud, version 1 (1.0.0), is there until 2027-01-31. Move to version 2 (2.0.0) before.',
        by: '2027-01-31',
      },
    });
  });

  it('data science hears of a gate that held a version back, and of no other evaluation', async () => {
    const { tell } = await life();
    const failed = await tell(measured(1, 0.7));
    expect(channelsOf(failed)).toEqual(['lifecycle', 'data-science']);
    expect(body(failed, 'data-science')).toMatchObject({ event: 'held-back', passed: false });
    expect(channelsOf(await tell(measured(1, 0.9)))).toEqual(['lifecycle']);
    // No bound is no gate.
    expect(channelsOf(await tell(measured(1, 0.9, { thresholds: {} })))).toEqual(['lifecycle']);
  });

  it('data science hears of it also where only the policy has the bounds', async () => {
    const { tell } = telling({
      policy: 'bounded',
      models: ['*'],
      staging: { suites: [{ suite: '*', metrics: { f1: { min: 0.8 } } }] },
    });
    await tell(register('one'));
    const failed = await tell(measured(1, 0.7, { thresholds: {} }));
    expect(channelsOf(failed)).toEqual(['lifecycle', 'data-science']);
    expect(body(failed, 'data-science')).toMatchObject({ event: 'held-back', passed: false });
  });

  it('a message that is too large has no body and says where the event is', async () => {
    const { store, tell } = await life();
    await tell({ verb: 'promote', data: { version: 1 } }, BOB);
    const all = await messagesIn(store, { ...ENVELOPE, maxRecordBytes: 1_000 });
    const large = all.flat().filter(({ value }) => value === null);
    expect(large.length).toBeGreaterThan(0);
    for (const message of large) {
      const { ce_position: position } = message.headers;
      expect(message.headers['ce_dataref']).toBe(
        `https://gatehouse.example/v1/events?model=fraud&after=${BigInt(position!) - 1n}`,
      );
      expect(contract.wrongWith(message, 'gatehouse')).toEqual([]);
    }
  });
});
