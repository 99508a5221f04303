import { readStatusDetails } from '@gatehouse/contracts';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE, Stopping } from '@gatehouse/platform';
import type { ServiceError } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { PLATFORM } from '../../../../test/support/keys';
import { Edge } from '../testing/edge';

// No stream outlives the right to it, and none that was cut short looks like one that is complete.

type Key = { id: string; key: string };
/** How a stream ended: with the problem that it told, as a broken connection, or as if all had been said. */
type End = { readonly problem?: string; readonly broken?: true; readonly text: string };

const SSE = { accept: 'text/event-stream' };
const DRAFT = 'policy: strict\nmodels: ["*"]\nproduction:\n  approvals: [{ count: 9 }]\n';
const ROLES = [{ role: 'auditor' }, { role: 'reader', models: 'm-*' }];

let edge: Edge;
let admin: { authorization: string };

beforeAll(async () => {
  edge = await Edge.open();
  admin = { authorization: `Bearer ${await edge.keys.admin()}` };
  await registered('a-0', 3);
  for (let n = 0; n < 3; n++) await edge.promoted(`m-${n}`, 4);
  slowly(edge.running.app.get<EventStore>(EVENT_STORE, { strict: false }));
}, 60_000);
afterAll(() => edge.close());

/** Versions that fill a chunk each. */
async function registered(model: string, versions: number): Promise<void> {
  for (let n = 0; n < versions; n++)
    await edge.post(`/v1/models/${model}/versions`, {
      changelog: 'x',
      manifest: { config: { n, filling: 'x'.repeat(40_000) } },
    });
}

/** The same log, which takes its time between two events of models: whoever reads many is still at it when a right ends. */
function slowly(store: EventStore): void {
  const read = store.read.bind(store);
  const readAll = store.readAll.bind(store);
  async function* slow<T extends { stream: string }>(events: AsyncIterable<T>): AsyncGenerator<T, void> {
    for await (const event of events) {
      if (event.stream.startsWith('model-')) await sleep(400);
      yield event;
    }
  }
  store.read = (...asked) => slow(read(...asked));
  store.readAll = (...asked) => slow(readAll(...asked));
}

async function keyFor(roles: object[], expires?: string, tenantAdmin = admin): Promise<Key> {
  const body = { actor: 'olga', kind: 'user', roles, ...(expires && { expires }) };
  return (await edge.post('/v1/access/keys', body, tenantAdmin)).body as Key;
}

async function overHttp(path: string, key: string, init: RequestInit = {}): Promise<End> {
  const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) };
  const response = await fetch(`http://${edge.running.http}${path}`, { ...init, headers });
  // Of a replay the first bytes go when there is a chunk of them: until then it can still be refused like anything else.
  if (response.status !== 200)
    return { problem: ((await response.json()) as { code: string }).code, text: '' };
  let text = '';
  try {
    for await (const chunk of response.body!) text += Buffer.from(chunk as Uint8Array).toString();
  } catch {
    return { broken: true, text };
  }
  const told = /event: problem\ndata: (.*)\n\n$/.exec(text)?.[1];
  return { ...(told && { problem: (JSON.parse(told) as { code: string }).code }), text };
}

async function overGrpc(method: string, message: object, key: string): Promise<End> {
  let text = '';
  try {
    const call = await edge.stream(method, message, { authorization: `Bearer ${key}` });
    for await (const one of call) text += JSON.stringify(one);
    return { text };
  } catch (error) {
    const { code, metadata } = error as ServiceError;
    const [details] = metadata.get('grpc-status-details-bin');
    return { problem: `${code} ${readStatusDetails(details as Buffer)?.reason}`, text };
  }
}

/** Every stream that there is, by what it is, and how each ended. */
async function all(key: string): Promise<Record<string, End>> {
  const backtest = { method: 'POST', body: DRAFT, headers: { 'content-type': 'application/yaml' } };
  const open: Record<string, Promise<End>> = {
    'live SSE': overHttp('/v1/models/m-1/live', key, { headers: SSE }),
    'events SSE': overHttp('/v1/events', key, { headers: SSE }),
    'access SSE': overHttp('/v1/access/events', key, { headers: SSE }),
    'policies SSE': overHttp('/v1/policy-events', key, { headers: SSE }),
    'events NDJSON': overHttp('/v1/events', key),
    'backtest NDJSON': overHttp('/v1/policies/backtest', key, backtest),
    WatchLive: overGrpc('WatchLive', { model: 'm-1' }, key),
    'ReplayEvents on': overGrpc('ReplayEvents', { follow: true }, key),
    'ReplayEvents to the end': overGrpc('ReplayEvents', {}, key),
    ReplayAccess: overGrpc('ReplayAccess', { follow: true }, key),
    ReplayPolicies: overGrpc('ReplayPolicies', { follow: true }, key),
    BacktestPolicy: overGrpc('BacktestPolicy', { document: DRAFT }, key),
  };
  const ends = Object.entries(open).map(async ([what, end]) => [what, await end] as const);
  return Object.fromEntries(await Promise.all(ends));
}

/** Opens all streams, lets them run, takes the right away, and expects all of them to say why they end, in time. */
async function endedBy(
  key: string,
  takeAway: () => Promise<unknown>,
  http: string,
  grpc: string,
): Promise<void> {
  const ends = all(key);
  await sleep(1_000);
  await takeAway();
  const since = performance.now();
  const ended = await ends;
  expect(performance.now() - since).toBeLessThan(5_000);
  for (const [what, { problem, broken }] of Object.entries(ended))
    // On a slow machine it may not have begun to answer, and is refused.
    if (what.endsWith('NDJSON')) expect([what, broken ?? problem === http]).toEqual([what, true]);
    else expect([what, problem]).toEqual([what, /SSE/.test(what) ? http : grpc]);
}

describe('a stream ends, and says so, when', () => {
  it('the key is revoked', async () => {
    const { id, key } = await keyFor(ROLES);
    const revoke = () => edge.http(`/v1/access/keys/${id}`, { method: 'DELETE', headers: admin });
    await endedBy(key, revoke, 'credential-invalid', '16 credential-invalid');
  });

  it('the key expires', async () => {
    const { key } = await keyFor(ROLES, new Date(Date.now() + 5_000).toISOString());
    await endedBy(key, () => sleep(4_300), 'credential-invalid', '16 credential-invalid');
  });

  it('the roles are withdrawn', async () => {
    const { id, key } = await keyFor([{ role: 'reader', models: 'none-*' }]);
    const grant = { to: { key: id }, role: 'auditor' };
    const { body } = await edge.post('/v1/access/grants', grant, admin);
    const withdraw = () =>
      edge.http(`/v1/access/grants/${body['id'] as string}`, { method: 'DELETE', headers: admin });
    await endedBy(key, withdraw, 'role-missing', '7 role-missing');
  });

  it('the tenant is suspended', async () => {
    const platform = { authorization: `Bearer ${PLATFORM.key}` };
    const { key } = await keyFor(ROLES);
    const suspension = '/v1/tenants/default/suspension';
    await endedBy(key, () => edge.post(suspension, {}, platform), 'tenant-suspended', '7 tenant-suspended');
    await edge.http(suspension, { method: 'DELETE', headers: platform });
  });
});

it('a stream of many models ends when fewer of them may be seen; it was told of no more', async () => {
  const { id, key } = await keyFor([{ role: 'reader', models: 'm-1' }]);
  const grant = { to: { key: id }, role: 'reader', models: 'm-0' };
  const { body } = await edge.post('/v1/access/grants', grant, admin);
  const following = overHttp('/v1/events', key, { headers: SSE });
  const replayed = overGrpc('ReplayEvents', { follow: true }, key);
  const watched = overHttp('/v1/models/m-1/live', key, { headers: SSE });
  await sleep(700);
  await edge.http(`/v1/access/grants/${body['id'] as string}`, { method: 'DELETE', headers: admin });
  const since = performance.now();
  expect((await following).problem).toBe('role-missing');
  expect((await replayed).problem).toBe('7 role-missing');
  expect(performance.now() - since).toBeLessThan(5_000);
  // Of this model nothing has changed.
  expect(await Promise.race([watched, sleep(3_000, 'goes on')])).toBe('goes on');
  await edge.http(`/v1/access/keys/${id}`, { method: 'DELETE', headers: admin });
  expect((await watched).problem).toBe('credential-invalid');
}, 20_000);

it('two backtests of a tenant are under way at a time, whichever door they came through; a third waits', async () => {
  const { key } = await keyFor(ROLES);
  const authorization = `Bearer ${key}`;
  const headers = { authorization, 'content-type': 'application/yaml' };
  const ask = (signal: AbortSignal | null = null) =>
    fetch(`http://${edge.running.http}/v1/policies/backtest`, {
      method: 'POST',
      headers,
      body: DRAFT,
      signal,
    });
  const gone = new AbortController();
  const first = ask(gone.signal)
    .then((response) => response.text())
    .catch(() => 'left');
  const second = await edge.stream('BacktestPolicy', { document: DRAFT }, { authorization });
  second.on('error', () => undefined);
  await sleep(1_000);
  const third = await ask();
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
  expect(await third.json()).toMatchObject({ code: 'slow-down' });
  expect((await overGrpc('BacktestPolicy', { document: DRAFT }, key)).problem).toBe('8 slow-down');
  // Another tenant has places of its own.
  const other = await edge.as({ tenant: 'other', actor: 'olga' });
  const elsewhere = await edge.http('/v1/policies/backtest', { method: 'POST', headers: { ...headers, ...other }, body: DRAFT }); // prettier-ignore
  expect(elsewhere.status).toBe(200);
  gone.abort();
  expect(await first).toBe('left');
  second.cancel();
  for (const _ of [1, 2]) {
    let response = await ask();
    for (let tries = 0; response.status === 429 && tries < 100; tries++) {
      await sleep(100);
      response = await ask();
    }
    expect(response.status).toBe(200);
    await response.body!.cancel();
  }
}, 30_000);

// The last one.
it('and when the process stops', async () => {
  const { key } = await keyFor(ROLES);
  const stop = () => Promise.resolve(edge.running.app.get(Stopping).begin());
  await endedBy(key, stop, 'stopping', '14 stopping');
});
