import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventStoreDb } from '@gatehouse/event-store';
import { authorOf } from './kafka/author';
import { Cluster, type Ready, untilReady } from './support/cluster';
import { GrpcClient } from './support/grpc';
import { type Answer, type Call, HttpClient, type Live, type Problem } from './support/http';
import {
  CI,
  EVALUATION,
  must,
  promote,
  readyVersion,
  registration,
  RELEASER,
  REVIEWER,
} from './support/life';
import { scaled } from './support/scale';
import { type Service, startService } from './support/service';

/** What a new replica has to catch up with. */
const EVENTS = scaled(3_000);
const ROUNDS = scaled(200);
/** A subscription that gives nothing is found out after some seconds. */
const FOUND_OUT_WITHIN_MS = 90_000;

type Page = { items: { model: string }[]; next: string | null };

const extra = mkdtempSync(join(tmpdir(), 'gatehouse-replicas-'));
let cluster: Cluster;
/** Two replicas that have been there from the beginning. */
let a: HttpClient;
let b: HttpClient;
let models = 0;
const acme = { tenant: 'acme' };
const newModel = () => `replicated-${models++}`;

beforeAll(async () => {
  cluster = await Cluster.start(2);
  [a, b] = cluster.replicas.map(({ http }) => new HttpClient(http)) as [HttpClient, HttpClient];
}, 120_000);
afterAll(async () => {
  [a, b].forEach((client) => client?.close());
  await cluster?.stop();
  rmSync(extra, { recursive: true, force: true });
});

/** Asks until the views have come so far; whatever else it answers meanwhile is `view-behind`. */
async function readAt<T>(http: HttpClient, path: string, atLeast: string, call: Call = {}) {
  for (const until = Date.now() + FOUND_OUT_WITHIN_MS; ;) {
    const answer = await http.get<T & Problem>(path, { ...call, atLeast });
    if (answer.body?.code !== 'view-behind' || Date.now() > until) return answer;
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  }
}

const rollBack = (http: HttpClient, model: string, from: number, call: Call = {}) =>
  http.post(`/v1/models/${model}/rollback`, { ...RELEASER, ...call, body: { from, reason: 'latency' } });
const approve = (http: HttpClient, model: string, version: number, call: Call = {}) =>
  http.post(`/v1/models/${model}/versions/${version}/approvals`, {
    ...REVIEWER,
    ...call,
    body: { decision: 'approve' },
  });
const evaluate = (http: HttpClient, model: string, version: number) =>
  http.post(`/v1/models/${model}/versions/${version}/evaluations`, { ...CI, body: EVALUATION });

describe('what is written on one replica', () => {
  it(`is read on another with Gatehouse-At-Least, ${ROUNDS} times`, async () => {
    const model = newModel();
    const versions = [await readyVersion(a, model, 'one'), await readyVersion(a, model, 'two')];
    for (let round = 0; round < ROUNDS; round++) {
      const [writer, reader] = round % 2 === 0 ? [a, b] : [b, a];
      const { live, position } = await must(promote(writer, model, versions[round % 2]!));
      expect(live.revision).toBe(round + 1);
      const { status, body, headers } = await readAt<Live>(reader, `/v1/models/${model}/live`, position);
      expect({ status, body }).toEqual({ status: 200, body: live });
      expect(BigInt(String(headers['gatehouse-position']))).toBeGreaterThanOrEqual(BigInt(position));
    }
  }, 120_000);

  it('is read there over gRPC, too, and in lists', async () => {
    const model = newModel();
    const version = await readyVersion(a, model, 'one');
    const { position } = await must(promote(a, model, version));
    const grpc = new GrpcClient(cluster.replicas[1]!.grpc);
    const look = () => grpc.call<Live>('GetLive', { model }, { atLeast: position });
    let live = await look();
    for (let tries = 0; !live.ok && live.code === 'view-behind' && tries < 30; tries++) live = await look();
    grpc.close();
    expect(live).toMatchObject({ ok: true, body: { current: { version } } });
    const list = await readAt<Page>(b, `/v1/models?q=${model}`, position);
    expect(list.body.items).toMatchObject([{ model, current: { version } }]);
  });

  it('is never denied by a replica whose subscription says nothing: it answers late, or that it is behind', async () => {
    const model = newModel();
    const versions = [await readyVersion(a, model, 'one'), await readyVersion(a, model, 'two')];
    await cluster.store.tell({ do: 'next', call: 'subscribe', kind: 'stall', scripted: { times: 2 } });
    await cluster.store.tell({ do: 'cut' });
    let seenBehind = 0;
    for (let round = 0; round < 20; round++) {
      const { live, position } = await must(promote(a, model, versions[round % 2]!));
      const first = await b.get<Live & Problem>(`/v1/models/${model}/live`, { atLeast: position });
      if (first.body.code === 'view-behind') seenBehind++;
      else expect(first.body).toEqual(live);
      expect((await readAt<Live>(b, `/v1/models/${model}/live`, position)).body).toEqual(live);
    }
    // Or nothing was in its way.
    expect(seenBehind).toBeGreaterThan(0);
    expect(await cluster.store.counts()).toMatchObject({ 'subscribe stall': 2 });
  }, 120_000);
});

describe('on every replica the same is meant by', () => {
  /** A list taken page by page, each page from the next replica. */
  const walk = async (replicas: readonly HttpClient[], path: string) => {
    const items: Page['items'] = [];
    let after = '';
    for (let page = 0; page < 100; page++) {
      const from = replicas[page % replicas.length]!;
      const { status, body } = await from.getCaughtUp<Page>(`${path}limit=1${after}`);
      expect(status).toBe(200);
      items.push(...body.items);
      if (body.next === null) return items;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    throw new Error('the list has no end');
  };

  it.each(['/v1/models?q=listed&', '/v1/models/listed-0/versions?', '/v1/models/listed-0/history?'])(
    'a cursor: %s is one list, whoever gives the next page',
    async (path) => {
      for (let n = 0; n < 5; n++) {
        await must(a.post(`/v1/models/listed-${n}/versions`, { ...CI, body: registration(n) }));
        await must(b.post('/v1/models/listed-0/versions', { ...CI, body: registration(`again ${n}`) }));
      }
      const alone = await walk([a], path);
      expect(alone.length).toBeGreaterThanOrEqual(5);
      expect(await walk([a, b], path)).toEqual(alone);
    },
  );

  it('a cursor, but for one that has another secret', async () => {
    const { body } = await a.getCaughtUp<Page>('/v1/models?limit=1');
    const settings = {
      GATEHOUSE_DATA: join(extra, 'stranger'),
      GATEHOUSE_EVENT_STORE: cluster.store.connectionString,
      GATEHOUSE_CURSOR_SECRET: 'what nobody else has been told',
    };
    const stranger = await startService(settings, cluster.keysOf);
    try {
      await untilReady(stranger);
      const http = new HttpClient(stranger.http);
      const there = await http.get(`/v1/models?limit=1&after=${encodeURIComponent(body.next!)}`);
      http.close();
      expect(there).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } });
    } finally {
      await stranger.kill();
    }
  }, 60_000);

  it('an ETag: of one, it is not modified on the other, and what it expects there is met or has moved', async () => {
    const model = newModel();
    const versions = [await readyVersion(a, model, 'one'), await readyVersion(b, model, 'two')];
    const { position } = await must(promote(a, model, versions[0]!, { ifPointer: 0 }));
    const { headers } = await readAt<Live>(a, `/v1/models/${model}/live`, position);
    const etag = String(headers['etag']);
    const same: Answer<unknown> = await readAt(b, `/v1/models/${model}/live`, position, {
      headers: { 'if-none-match': etag },
    });
    expect(same).toMatchObject({ status: 304, headers: { etag } });

    // b has not decided on this model since a moved its pointer.
    const moved = await promote(b, model, versions[1]!, { headers: { 'if-match': etag } });
    expect(moved).toMatchObject({ status: 200, body: { changed: true, live: { revision: 2 } } });
    const late = await promote(a, model, versions[0]!, { headers: { 'if-match': etag } });
    expect(late).toMatchObject({ status: 412, body: { code: 'pointer-moved', live: { revision: 2 } } });
  });

  it('an idempotency key: the command is done once, wherever it comes again, at once or later', async () => {
    const model = newModel();
    const { version } = (await must(a.post(`/v1/models/${model}/versions`, { ...CI, body: registration(1) })))
      .version;
    await must(evaluate(b, model, version));
    const key = randomUUID();
    const answers = await Promise.all(
      [a, b, a, b].map((http) => must(approve(http, model, version, { key }))),
    );
    expect(new Set(answers.map(({ event }) => event!.id)).size).toBe(1);
    const again = await approve(b, model, version, { key });
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body.event).toEqual(answers[0]!.event);
    const other = b.post(`/v1/models/${model}/versions/${version}/approvals`, {
      ...REVIEWER,
      key,
      body: { decision: 'reject', comment: 'Not what the key was for.' },
    });
    expect(await other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
    const { body } = await a.get<{ items: { type: string }[] }>(`/v1/models/${model}/history`);
    expect(body.items.filter(({ type }) => type === 'model.Approved')).toHaveLength(1);
  });
});

describe('a replica whose state is behind', () => {
  /** A model on which both have decided, so that both keep a state of it. */
  const kept = async () => {
    const model = newModel();
    const one = await readyVersion(a, model, 'one');
    const two = await readyVersion(b, model, 'two');
    return { model, one, two };
  };

  it('does not refuse what has become right elsewhere', async () => {
    for (let round = 0; round < 10; round++) {
      const { model, one } = await kept();
      // b has kept that nothing is approved since, and that the pointer has not moved.
      await must(evaluate(b, model, one));
      expect(await promote(b, model, one)).toMatchObject({ status: 409, body: { code: 'approval-void' } });
      await must(approve(a, model, one));
      expect(await promote(b, model, one, { ifPointer: 0 })).toMatchObject({ status: 200 });
      expect(await rollBack(a, model, one)).toMatchObject({ status: 409 });
    }
  }, 60_000);

  it('does not say that it is so already when it no longer is', async () => {
    const { model, one, two } = await kept();
    await must(promote(a, model, one));
    for (let round = 0; round < 25; round++) {
      // a keeps that `one` is live; b takes it down again.
      await must(promote(b, model, two));
      expect(await promote(a, model, one)).toMatchObject({ status: 200, body: { changed: true } });
      expect(await promote(a, model, one)).toMatchObject({ status: 200, body: { changed: false } });
    }
  }, 60_000);

  it('does not allow what has become wrong elsewhere', async () => {
    const { model, one, two } = await kept();
    await must(promote(b, model, one));
    // a keeps that `two` is approved, and b makes that void.
    await must(evaluate(b, model, two));
    expect(await promote(a, model, two)).toMatchObject({ status: 409, body: { code: 'approval-void' } });
  });

  it('judges by the policy that was put in force elsewhere', async () => {
    const { model, one } = await kept();
    const document = { policy: model, models: [model], production: { approvals: [{ count: 2 }] } };
    await must(a.post('/v1/policies', { actor: 'ann', body: document }));
    await must(a.post(`/v1/policies/${model}/versions/1/activation`, { actor: 'bob', body: {} }));
    expect(await promote(b, model, one)).toMatchObject({ status: 409, body: { code: 'not-approved' } });
    await must(approve(a, model, one, { actor: 'zoe' }));
    expect(await promote(b, model, one)).toMatchObject({ status: 200 });
  });
});

describe('a replica that is added to a running cluster', () => {
  let added: Service;

  it('catches up by itself, is not ready before, says how far it is, and then answers like the others', async () => {
    const store = await openEventStoreDb({ connection: cluster.store.connectionString });
    await authorOf(store)(EVENTS);
    await store.close();
    // Its first two subscriptions stop on the way, each for as long as it takes to find that out.
    const scripted = { after: Math.floor(EVENTS / 4), times: 2 };
    await cluster.store.tell({ do: 'next', call: 'subscribe', kind: 'stall', scripted });

    added = await cluster.add();
    const http = new HttpClient(added.http);
    const seen: bigint[] = [];
    let withheld = 0;
    let model = '';
    for (const until = Date.now() + FOUND_OUT_WITHIN_MS; ; await sleep(20)) {
      const { status, body } = await http.get<Ready>('/readyz');
      expect(status).toBe(body.ready ? 200 : 503);
      if (body.ready) break;
      if (Date.now() > until) throw new Error(`never ready: ${JSON.stringify(body)}`);
      const views = body.followers.find(({ name }) => name === 'views')!;
      expect(body.because.join()).toContain(`${views.lag} behind`);
      seen.push(BigInt(views.position));
      // What it does not know yet, it does not deny.
      const early = await http.get<Problem>('/v1/models/model-0/live', acme);
      if (early.status === 503) {
        expect(early.body.code).toBe('view-behind');
        withheld++;
      } else {
        // It has come to the end between the two questions.
        expect(early.body).toEqual((await a.get('/v1/models/model-0/live', acme)).body);
      }
      // Others go on meanwhile, and commands are right on this one, too.
      model ||= await readyVersion(a, newModel(), 'meanwhile').then(() => `replicated-${models - 1}`);
    }
    expect(withheld).toBeGreaterThan(1);
    expect(new Set(seen).size).toBeGreaterThan(1);
    expect(seen).toEqual([...seen].sort((one, other) => (one < other ? -1 : Number(one > other))));

    await must(promote(http, model, 1, { ifPointer: 0 }));
    for (const path of ['/v1/models?limit=500', '/v1/models/model-0/live', '/v1/models/model-0/versions']) {
      const [there, here] = await Promise.all([a, http].map((one) => one.getCaughtUp<Page>(path, acme)));
      expect(here!.body).toEqual(there!.body);
      expect(here!.status).toBe(200);
    }
    http.close();
  }, 120_000);

  it('may be gone at once, without a word: the others do not notice', async () => {
    await added.kill();
    const { live, position } = await must(promote(a, 'replicated-0', 1));
    expect((await readAt<Live>(b, '/v1/models/replicated-0/live', position)).body).toEqual(live);
  });
});
