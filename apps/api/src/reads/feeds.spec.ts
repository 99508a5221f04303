import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEsdbServer, type EsdbServer } from '../../../../libs/event-store/src/eventstoredb/testing';
import { accessStream, policyStream } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import { Edge } from '../testing/edge';

// What auditors replay besides the events of models: who was given which right, and which policy was put in force.

type Told = Record<string, unknown> & { position: string; type: string; data: Record<string, unknown> };

const ACCESS = '/v1/access/events';
const POLICIES = '/v1/policy-events';
const DRAFT = (models: string) => `policy: strict\nmodels: ["${models}"]\n`;

let server: EsdbServer;
beforeAll(async () => (server = await startEsdbServer()));
afterAll(() => server.stop());

describe.each([
  ['the embedded log', () => undefined],
  ['EventStoreDB', () => server.connectionString],
])('on %s', (_log, where) => {
  let edge: Edge;
  let admin: { authorization: string };
  let auditor: { authorization: string };
  let key: { id: string; key: string };

  beforeAll(async () => {
    edge = await Edge.open({ eventStore: where(), eventStorePrefix: `t${randomUUID()}-` });
    admin = { authorization: `Bearer ${await edge.keys.admin()}` };
    // Of a tenant whose streams begin like ours.
    const alike = { 'gatehouse-actor': 'pia', 'gatehouse-tenant': 'default-two' };
    expect((await edge.rpc('PublishPolicy', { document: DRAFT('two-*') }, alike)).code).toBe(0);
    auditor = await bearer('ada', [{ role: 'auditor' }]);
    const asked = { actor: 'ci', kind: 'service', roles: [{ role: 'registrar', models: 'fraud-*' }] };
    key = (await edge.post('/v1/access/keys', asked, admin)).body as typeof key;
    const granted = { to: { key: key.id }, role: 'evaluator' };
    const { body } = await edge.post('/v1/access/grants', granted, admin);
    await edge.http(`/v1/access/grants/${body['id'] as string}`, { method: 'DELETE', headers: admin });
    await edge.http(`/v1/access/keys/${key.id}`, { method: 'DELETE', headers: admin });
    const author = await bearer('pia', [{ role: 'policy-author' }]);
    await edge.rpc('PublishPolicy', { document: DRAFT('fraud-*') }, author);
    await edge.rpc('PublishPolicy', { document: DRAFT('credit-*') }, author);
    await edge.rpc('ActivatePolicy', { policy: 'strict', version: 2 }, author);
  });
  afterAll(() => edge.close());

  async function bearer(actor: string, roles: object[]): Promise<{ authorization: string }> {
    const { body, text } = await edge.post('/v1/access/keys', { actor, kind: 'user', roles }, admin);
    if (body['key'] === undefined) throw new Error(text);
    return { authorization: `Bearer ${body['key'] as string}` };
  }
  const lines = async (path: string, headers = auditor): Promise<Told[]> => {
    const { status, headers: sent, text } = await edge.http(path, { headers });
    expect([status, sent.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    return text === '' ? [] : text.trimEnd().split('\n').map((line) => JSON.parse(line) as Told); // prettier-ignore
  };
  const replayed = async (rpc: string, message = {}, as = auditor): Promise<Told[]> => {
    const all: Told[] = [];
    for await (const event of await edge.stream(rpc, message, as)) all.push(event as Told);
    return all;
  };
  /** The status that a stream ends with, after it told what it told. */
  const shownOut = async (rpc: string, message: object, as: typeof auditor, told: Told[] = []) => {
    try {
      for await (const event of await edge.stream(rpc, message, as)) told.push(event as Told);
      return 0;
    } catch (error) {
      return (error as { code: number }).code;
    }
  };
  const store = () => edge.running.app.get<EventStore>(EVENT_STORE, { strict: false });

  it('who may do what is told from the first key on, by whom, in the shape of the events of models', async () => {
    const told = await lines(ACCESS);
    expect(told.map(({ type, actor }) => [type, (actor as { id: string }).id])).toEqual([
      ['access.TenantOpened', 'gatehouse'],
      ['access.KeyIssued', 'admin'],
      ['access.KeyIssued', 'admin'],
      ['access.Granted', 'admin'],
      ['access.Withdrawn', 'admin'],
      ['access.KeyRevoked', 'admin'],
      ['access.KeyIssued', 'admin'],
    ]);
    expect(told[2]).toEqual({
      position: expect.stringMatching(/^\d+$/) as string,
      stream: 'access-default',
      revision: '2',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      type: 'access.KeyIssued',
      tenant: 'default',
      model: null,
      version: null,
      time: expect.any(String) as string,
      actor: { id: 'admin', kind: 'user' },
      // By which key the admin was known: the one of the first start.
      auth: { method: 'key', credential: told[0]!.data['key'] },
      correlation: expect.any(String) as string,
      causation: null,
      data: {
        key: key.id,
        actor: { id: 'ci', kind: 'service' },
        roles: [{ role: 'registrar', models: 'fraud-*' }],
      },
    });
    expect(await lines(ACCESS, admin)).toEqual(told);
  });

  it('never is the hash of a key, through neither door', async () => {
    const hashes: string[] = [];
    for await (const { data } of store().read(accessStream('default')))
      if (typeof data['hash'] === 'string') hashes.push(data['hash']);
    expect(hashes).toHaveLength(4);
    const { text } = await edge.http(ACCESS, { headers: auditor });
    const answers = text + JSON.stringify(await replayed('ReplayAccess'));
    expect(hashes.filter((hash) => answers.includes(hash))).toEqual([]);
    expect(answers).not.toContain('hash');
  });

  it('policies are told with their documents, by whoever published them and put them in force', async () => {
    const told = await lines(POLICIES);
    expect(told.map(({ type, version, revision, model }) => [type, version, revision, model])).toEqual([
      ['policy.Published', 1, '0', null],
      ['policy.Published', 2, '1', null],
      ['policy.Activated', 2, '2', null],
    ]);
    expect(told[1]!.data).toMatchObject({ policy: 'strict', document: { models: ['credit-*'] } });
    expect(told[2]).toMatchObject({
      stream: policyStream('default'),
      tenant: 'default',
      actor: { id: 'pia', kind: 'user' },
    });
    // As `GET /v1/policies` does it: they are the same for whoever may read any.
    const limited = await bearer('rita', [{ role: 'reader', models: 'other-*' }]);
    expect(await lines(POLICIES, limited)).toEqual(told);
    expect(await replayed('ReplayPolicies', {}, limited)).toHaveLength(3);
  });

  it.each([
    [ACCESS, 'ReplayAccess', 'access.KeyIssued'],
    [POLICIES, 'ReplayPolicies', 'policy.Activated'],
  ])(
    '%s and %s tell the same, go on after a position, and can be narrowed to a type',
    async (path, rpc, type) => {
      const told = await lines(path);
      const [, second] = told;
      const there = (events: Told[]) => events.map(({ position, id }) => [position, id]);
      expect(there(await replayed(rpc))).toEqual(there(told));
      const after = second!.position;
      expect(await lines(`${path}?after=${after}`)).toEqual(told.slice(2));
      expect(there(await replayed(rpc, { after }))).toEqual(there(told.slice(2)));
      const narrowed = told.filter((event) => event.type === type);
      expect(await lines(`${path}?type=${type}`)).toEqual(narrowed);
      expect(there(await replayed(rpc, { type }))).toEqual(there(narrowed));
      const wrong = [`${path}?after=-1`, `${path}?model=fraud-1`];
      for (const bad of wrong) expect((await edge.http(bad, { headers: auditor })).status).toBe(400);
      expect((await edge.http(path, { headers: { ...auditor, accept: 'application/json' } })).status).toBe(
        406,
      );
    },
  );

  it('a reader that follows hears of what comes, resumes, and is shown out when its key ends', async () => {
    const made = await edge.post(
      '/v1/access/keys',
      { actor: 'olga', kind: 'user', roles: [{ role: 'auditor' }] },
      admin,
    );
    const { id, key: secret } = made.body as typeof key;
    const as = { authorization: `Bearer ${secret}` };
    const last = (await lines(ACCESS)).at(-2)!.position;
    const sse = await fetch(`http://${edge.running.http}${ACCESS}?after=0`, {
      headers: { ...as, accept: 'text/event-stream', 'last-event-id': last },
    });
    const events: Told[] = [];
    const following = shownOut('ReplayAccess', { follow: true, after: last }, as, events);
    const policies = shownOut('ReplayPolicies', { follow: true }, as);
    for (let tries = 0; events.length === 0 && tries < 1_000; tries++) await sleep(20);
    await edge.http(`/v1/access/keys/${id}`, { method: 'DELETE', headers: admin });
    const revoked = performance.now();
    const [text, ...codes] = await Promise.all([sse.text(), following, policies]);
    expect(performance.now() - revoked).toBeLessThan(5_000);
    expect(events.map(({ type }) => type)).toEqual(['access.KeyIssued', 'access.KeyRevoked']);
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, at]) => at)).toEqual(
      events.map(({ position }) => position),
    );
    expect(codes).toEqual([16, 16]);
    expect(text).toMatch(/event: problem\ndata: .*"credential-invalid".*\n\n$/);
    expect(text).not.toContain('hash');
  });

  // The last one: who reads these policies is told nothing any more.
  it('an event that this release does not know ends the feed with an error, and is never passed over', async () => {
    const id = randomUUID();
    const unknown = { id, type: 'policy.Renamed', data: {}, meta: { id, schema: 1 } };
    await store().append(policyStream('default'), 2n, [unknown]);
    expect(await edge.http(POLICIES, { headers: auditor })).toMatchObject({ status: 500 });
    await expect(replayed('ReplayPolicies')).rejects.toMatchObject({ code: 13 });
    expect(await lines(`${ACCESS}?type=access.Granted`)).toHaveLength(1);
  });
});
