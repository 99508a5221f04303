import { digestOf } from '@gatehouse/canonical';
import { fromStruct, type ProtoStruct } from '@gatehouse/contracts';
import { Edge } from '../testing/edge';
import { byTurns, grpcDoor, httpDoor, withoutNull, type Ask, type Door, type Told } from './testing/doors';
import { APPROVE, REJECT, release, run } from './testing/lives';

// One version's life after another, step by step: [what, question, what must come of it].
type Step = readonly [
  what: string,
  ask: Omit<Ask, 'model' | 'tenant'>,
  outcome: { status: number; event?: string; stage?: string; revision: number; live?: number },
];

const ci = { actor: 'ci', kind: 'service' } as const;
const relative = (f1: number) => run(f1, { thresholds: { f1: { min: 0.5, maxRegression: 0.01 } } });

const SECOND = { config: { n: 2 }, parent: 1 };

const LIFE: Step[] = [
  [
    'registers',
    { verb: 'register', body: release(1), ...ci },
    { status: 201, event: 'model.Registered', stage: 'DEV', revision: 0 },
  ],
  [
    'finds a known digest, whatever the label',
    { verb: 'register', body: release(1, { label: 'x' }), ...ci },
    { status: 200, stage: 'DEV', revision: 0 },
  ],
  [
    'evaluates: the staging gate is met',
    { verb: 'evaluate', version: 1, body: run(0.9, { report: { uri: 'https://ci/1' } }), ...ci },
    { status: 201, event: 'model.Evaluated', stage: 'STAGING', revision: 0 },
  ],
  [
    'approves',
    { verb: 'approve', version: 1, body: { ...APPROVE, comment: 'fine' }, actor: 'ann' },
    { status: 201, event: 'model.Approved', stage: 'STAGING', revision: 0 },
  ],
  [
    'approves again: it is so already',
    { verb: 'approve', version: 1, body: APPROVE, actor: 'ann' },
    { status: 200, stage: 'STAGING', revision: 0 },
  ],
  [
    'promotes',
    { verb: 'promote', version: 1, body: { note: 'first' }, actor: 'bob', ifMatch: '"0"' },
    { status: 200, event: 'model.Promoted', stage: 'PROD', revision: 1, live: 1 },
  ],
  [
    'promotes again: it is live',
    { verb: 'promote', version: 1, body: {}, actor: 'bob' },
    { status: 200, stage: 'PROD', revision: 1, live: 1 },
  ],
  [
    'registers another',
    {
      verb: 'register',
      body: release(2, { author: 'dana', manifest: SECOND }),
      ...ci,
    },
    { status: 201, event: 'model.Registered', stage: 'DEV', revision: 1, live: 1 },
  ],
  [
    'evaluates it: worse than live',
    { verb: 'evaluate', version: 2, body: relative(0.88), ...ci },
    { status: 201, event: 'model.Evaluated', stage: 'DEV', revision: 1, live: 1 },
  ],
  [
    'evaluates it again: good enough',
    { verb: 'evaluate', version: 2, body: relative(0.89), ...ci },
    { status: 201, event: 'model.Evaluated', stage: 'STAGING', revision: 1, live: 1 },
  ],
  [
    'rejects',
    { verb: 'approve', version: 2, body: REJECT, actor: 'carol' },
    { status: 201, event: 'model.Rejected', stage: 'STAGING', revision: 1, live: 1 },
  ],
  [
    'approves after all',
    { verb: 'approve', version: 2, body: APPROVE, actor: 'carol' },
    { status: 201, event: 'model.Approved', stage: 'STAGING', revision: 1, live: 1 },
  ],
  [
    'promotes it',
    { verb: 'promote', version: 2, body: {}, actor: 'bob' },
    { status: 200, event: 'model.Promoted', stage: 'PROD', revision: 2, live: 2 },
  ],
  [
    'rolls back',
    { verb: 'rollBack', body: { from: digestOf(SECOND), reason: 'latency', note: 'slow' }, actor: 'eve' },
    { status: 200, event: 'model.RolledBack', stage: 'PROD', revision: 3, live: 1 },
  ],
  [
    'rolls back again: it moved already',
    { verb: 'rollBack', body: { from: 2, reason: 'latency' }, actor: 'eve' },
    { status: 200, stage: 'PROD', revision: 3, live: 1 },
  ],
  [
    'deprecates what was left',
    { verb: 'deprecate', version: 2, body: { sunset: '2999-01-31', note: 'use 1' }, actor: 'bob' },
    { status: 200, event: 'model.Deprecated', stage: 'DEPRECATED', revision: 3, live: 1 },
  ],
  [
    'deprecates again: it is so already',
    { verb: 'deprecate', version: 2, body: { sunset: '2999-01-31', successor: 1 }, actor: 'bob' },
    { status: 200, stage: 'DEPRECATED', revision: 3, live: 1 },
  ],
  [
    'rolls back to nothing',
    { verb: 'rollBack', body: { from: 1, reason: 'other', note: 'closed', to: 0 }, actor: 'eve' },
    { status: 200, event: 'model.RolledBack', revision: 4 },
  ],
  [
    'rolls back to nothing again',
    { verb: 'rollBack', body: { from: 1, reason: 'other', note: 'closed', to: 0 }, actor: 'eve' },
    { status: 200, revision: 4 },
  ],
];

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
});
afterAll(() => edge.close());

const MODEL = 'fraud-detector';
const doors: Record<string, (edge: Edge) => Door> = { http: httpDoor, grpc: grpcDoor, turns: byTurns };
const transcripts = new Map<string, Told[]>();

describe.each(Object.keys(doors))('a whole life (%s)', (tenant) => {
  const told: Told[] = [];
  let door: Door;
  beforeAll(() => {
    door = doors[tenant]!(edge);
  });

  it.each(LIFE)('%s', async (_what, question, { status, event, stage, revision, live }) => {
    const before = Number((await edge.http('/v1/log')).body['position']);
    const answer = await door.ask({ ...question, model: MODEL, tenant });
    told.push(answer);
    expect(answer).toMatchObject({ code: 'ok', changed: event !== undefined, live: { revision } });
    expect(answer.status === 0 || answer.status === status).toBe(true);
    expect(answer.version?.['stage']).toBe(stage);
    expect((answer.live!['current'] as Told['live'])?.['version']).toBe(live);
    expect(answer.event?.['type']).toBe(event);
    expect(answer.headers).toEqual({ position: answer.position, etag: `"${revision}"`, replayed: undefined });
    if (answer.status === 201)
      expect(answer.location).toBe(`/v1/models/${MODEL}/versions/${versionOf(answer)}`);
    else expect(answer.location).toBeUndefined();
    if (event) expect(Number(answer.position)).toBeGreaterThan(before);
    await sameAsRead(answer, tenant);
  });

  afterAll(() => transcripts.set(tenant, told));
});

it('the doors answer alike, whichever each step goes through', () => {
  const [http, grpc, turns] = [...transcripts].map(([tenant, told]) => anonymous(told, tenant));
  expect(http).toHaveLength(LIFE.length);
  expect(grpc).toEqual(http);
  expect(turns).toEqual(http);
});

/** `live` is what GET answers, byte for byte; `event` is the last of the history; `position` is the stream's last event. */
async function sameAsRead({ position, version, live, event }: Told, tenant: string): Promise<void> {
  const headers = { 'gatehouse-tenant': tenant, 'gatehouse-at-least': position! };
  const at = `/v1/models/${MODEL}`;
  const read = await edge.http(`${at}/live`, { headers });
  expect(live).toEqual(withoutNull(read.body));
  expect(withoutNull((await edge.rpc('GetLive', { model: MODEL }, headers)).message)).toEqual(live);
  const items = (await edge.http(`${at}/history?limit=500`, { headers })).body['items'] as Told['event'][];
  const last = items.at(-1)!;
  expect(last['position']).toBe(position);
  if (event) expect(event).toEqual({ ...withoutNull(last), data: last['data'] });
  const history = (await edge.rpc('GetHistory', { model: MODEL, limit: 500 }, headers)).message!;
  const lastMessage = (history['items'] as Record<string, unknown>[]).at(-1)!;
  if (event) expect({ ...lastMessage, data: fromStruct(lastMessage['data'] as ProtoStruct) }).toEqual(event);
  if (version) {
    const whole = await edge.http(`${at}/versions/${version['digest'] as string}`, { headers });
    expect(withoutNull(whole.body)).toMatchObject(version);
  }
}

it('over HTTP `live` is what GET answers byte for byte, and what is not there is null', async () => {
  const post = (path: string, body: object, actor: string) =>
    edge.post(`/v1/models/bytes/${path}`, body, { 'gatehouse-actor': actor, 'gatehouse-actor-kind': 'user' });
  const same = async (answer: { body: Record<string, unknown> }) => {
    const headers = { 'gatehouse-at-least': answer.body['position'] as string };
    const read = await edge.http('/v1/models/bytes/live', { headers });
    expect(JSON.stringify(answer.body['live'])).toBe(read.text);
    return answer.body;
  };
  const first = await same(await post('versions', { changelog: 'x', manifest: { config: 1 } }, 'ci'));
  expect(first).toMatchObject({
    version: { label: null },
    live: { current: null, since: null, by: null, why: null },
  });
  const again = await same(await post('versions', { changelog: 'x', manifest: { config: 1 } }, 'ci'));
  expect(again).toEqual({ ...first, changed: false, event: null });
  await same(await post('versions/1/evaluations', run(0.9), 'ci'));
  await same(await post('versions/1/approvals', APPROVE, 'ann'));
  await same(await post('versions/1/promotion', {}, 'bob'));
  const gone = await same(await post('rollback', { from: 1, to: 0, reason: 'cost' }, 'bob'));
  expect(gone).toMatchObject({
    version: null,
    live: { current: null, previous: { version: 1 }, rollbackTarget: null },
  });
});

function versionOf({ version }: Told): number {
  return version!['version'] as number;
}

/** What differs from run to run (ids, times, positions, digests of ids, the tenant), by its place instead. */
function anonymous(told: Told[], tenant: string): unknown[] {
  const seen = new Map<string, string>();
  const place = (found: string) => {
    if (!seen.has(found)) seen.set(found, `<${seen.size}>`);
    return seen.get(found)!;
  };
  return told.map(
    ({ status: _, location: _l, ...rest }) =>
      JSON.parse(
        JSON.stringify(rest)
          .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
          .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, place)
          .replace(/sha256:[0-9a-f]{64}/g, place)
          .replace(/"position":"(\d+)"/g, (_all, position: string) => `"position":"${place(`@${position}`)}"`)
          .replaceAll(`model-${tenant}.`, 'model-<tenant>.')
          .replaceAll(`"tenant":"${tenant}"`, '"tenant":"<tenant>"'),
      ) as unknown,
  );
}
