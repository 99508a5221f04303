import { Agent, request } from 'node:http';
import { statSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import { PLATFORM } from '../../../../test/support/keys';
import { Edge, type Answer } from '../testing/edge';

let edge: Edge;
let admin: string;
beforeAll(async () => {
  edge = await Edge.open();
  admin = await edge.keys.admin();
});
afterAll(() => edge.close());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const call = (key: string, method: string, path: string, body?: object, more = {}): Promise<Answer> =>
  edge.http(path, {
    method,
    headers: { ...bearer(key), ...(body && { 'content-type': 'application/json' }), ...more },
    ...(body && { body: JSON.stringify(body) }),
  });
const codeOf = ({ status, body }: Answer) => [status, body['code']];

type Issued = { id: string; key: string };
const issue = async (actor: string, roles: object[], more: object = {}, by = admin): Promise<Issued> => {
  const body = { actor, kind: 'user', roles, ...more };
  const answer = await call(by, 'POST', '/v1/access/keys', body);
  if (answer.status !== 201) throw new Error(answer.text);
  const issued = answer.body as Issued;
  expect(answer.headers.get('location')).toBe(`/v1/access/keys/${issued.id}`);
  return issued;
};

describe('the first start', () => {
  it('opens the tenant `default` and leaves the key of its admin, who holds every role, to the owner alone', async () => {
    const file = join(edge.folder, 'admin.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const key = readFileSync(file, 'utf8').trim();
    const me = await call(key, 'GET', '/v1/access/me');
    expect(me.body).toMatchObject({ tenant: 'default', actor: { id: 'admin', kind: 'user' }, expires: null });
    expect((me.body['roles'] as unknown[]).length).toBe(9);
  });
});

describe('a key', () => {
  it('is shown once, says who it is, and can do what its roles allow, on the models they are limited to', async () => {
    const roles = [{ role: 'registrar', models: 'fraud-*' }];
    const { id, key } = await issue('ci', roles, { kind: 'service', expires: '2999-01-01T00:00:00+01:00' });
    expect(key).toMatch(new RegExp(`^gatehouse_default_${id}_`));
    expect((await call(key, 'GET', '/v1/access/me')).body).toEqual({
      tenant: 'default',
      actor: { id: 'ci', kind: 'service' },
      auth: { method: 'key', credential: id },
      roles: [{ role: 'registrar', models: 'fraud-*', capacity: null }],
      groups: [],
      expires: '2998-12-31T23:00:00.000Z',
    });
    const register = (model: string) =>
      call(key, 'POST', `/v1/models/${model}/versions`, { changelog: 'x', manifest: { config: { a: 1 } } });
    const made = await register('fraud-1');
    expect(made.status).toBe(201);
    expect(codeOf(await register('credit'))).toEqual([403, 'role-missing']);
    expect(codeOf(await call(key, 'GET', '/v1/models/credit/live'))).toEqual([403, 'role-missing']);
    const listed = (await call(admin, 'GET', '/v1/access/keys')).body['items'] as object[];
    const { auth } = (await call(admin, 'GET', '/v1/access/me')).body as { auth: { credential: string } };
    const issuedWith = auth.credential;
    expect(listed).toContainEqual(expect.objectContaining({ id, actor: 'ci', issuedWith, revokedAt: null }));
    expect(JSON.stringify(listed)).not.toContain(key);
    expect(JSON.stringify(listed)).not.toContain('hash');
  });

  it('that is asked for again under its Idempotency-Key is not shown again, and not made again', async () => {
    const body = { actor: 'zoe', kind: 'user', roles: [{ role: 'reader' }] };
    const key = { 'idempotency-key': 'once' };
    const first = await call(admin, 'POST', '/v1/access/keys', body, key);
    const again = await call(admin, 'POST', '/v1/access/keys', body, key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual({ ...first.body, key: null });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await call(admin, 'POST', '/v1/access/keys', { ...body, actor: 'max' }, key);
    expect(codeOf(other)).toEqual([422, 'idempotency-key-reused']);
  });

  it('is asked for anew by every request, whatever came on the same connection before', async () => {
    await edge.promoted('looked-up', 1);
    const own = await issue('own', [{ role: 'reader' }]);
    const others = await issue('others', [{ role: 'reader', models: 'x-*' }]);
    const abroad = await edge.keys.key({ tenant: 'abroad' });
    const { port, hostname: host } = new URL(`http://${edge.running.http}`);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const look = (key?: string) =>
      new Promise((resolve, reject) => {
        const headers = key === undefined ? {} : bearer(key);
        const path = '/v1/models/looked-up/live';
        const asked = request({ host, port, path, headers, agent }, (answer) => {
          answer.resume().once('end', () => resolve(answer.statusCode));
        });
        asked.once('error', reject).end();
      });
    const told = [];
    for (const key of [own.key, own.key, others.key, own.key, undefined, abroad, `${own.key}a`, own.key])
      told.push(await look(key));
    await call(admin, 'DELETE', `/v1/access/keys/${own.id}`);
    told.push(await look(own.key));
    agent.destroy();
    expect(told).toEqual([200, 200, 403, 200, 401, 404, 401, 200, 401]);
  });

  it('ends at once when it is revoked, on the look-up, too', async () => {
    await edge.promoted('live', 1);
    const { id, key } = await issue('reader', [{ role: 'reader' }]);
    expect((await call(key, 'GET', '/v1/models/live/live')).status).toBe(200);
    expect((await call(admin, 'DELETE', `/v1/access/keys/${id}`)).body).toMatchObject({ changed: true, id });
    const refused = await call(key, 'GET', '/v1/models/live/live');
    expect(codeOf(refused)).toEqual([401, 'credential-invalid']);
    expect(refused.headers.get('www-authenticate')).toMatch(
      /^Bearer realm="gatehouse", error="invalid_token"/,
    );
    expect((await call(admin, 'DELETE', `/v1/access/keys/${id}`)).body).toMatchObject({ changed: false });
    expect(codeOf(await call(admin, 'DELETE', '/v1/access/keys/none'))).toEqual([404, 'key-unknown']);
  });

  it('is recorded with what is done with it, and by whom', async () => {
    const { id, key } = await issue('dana', [{ role: 'registrar' }]);
    const made = await call(key, 'POST', '/v1/models/meta/versions', {
      changelog: 'x',
      manifest: { config: { a: 1 } },
    });
    expect(made.body['event']).toMatchObject({ actor: { id: 'dana', kind: 'user' } });
    const store = edge.running.app.get<EventStore>(EVENT_STORE, { strict: false });
    for await (const { meta } of store.read('model-default.meta'))
      expect(meta).toMatchObject({ auth: { method: 'key', credential: id } });
  });
});

describe('separation of duties through keys', () => {
  it('deciding with a key that the registrar issued, or had issued, is the registrar deciding', async () => {
    const boss = await issue('boss', [{ role: 'registrar' }, { role: 'evaluator' }, { role: 'admin' }]);
    const at = '/v1/models/own/versions';
    await call(boss.key, 'POST', at, { changelog: 'x', manifest: { config: { a: 1 } } });
    const evaluation = {
      suite: 's',
      dataset: { name: 'd' },
      metrics: { f1: 1 },
      thresholds: { f1: { min: 0 } },
    };
    expect((await call(boss.key, 'POST', `${at}/1/evaluations`, evaluation)).status).toBe(201);
    const approve = (key: string) => call(key, 'POST', `${at}/1/approvals`, { decision: 'approve' });
    const straw = await issue('straw', [{ role: 'reviewer' }, { role: 'admin' }], {}, boss.key);
    expect(codeOf(await approve(straw.key))).toEqual([403, 'own-approval']);
    const second = await issue('second', [{ role: 'reviewer' }], {}, straw.key);
    expect(codeOf(await approve(second.key))).toEqual([403, 'own-approval']);
    const other = await issue('other', [{ role: 'reviewer' }]);
    expect((await approve(other.key)).status).toBe(201);
  });

  it('nobody gives themselves a role, by grant or by key', async () => {
    const { key } = await issue('ada', [{ role: 'admin' }]);
    const grant = { to: { actor: 'ada' }, role: 'reviewer' };
    expect(codeOf(await call(key, 'POST', '/v1/access/grants', grant))).toEqual([403, 'own-grant']);
    const own = { actor: 'ada', kind: 'user', roles: [{ role: 'reviewer' }] };
    expect(codeOf(await call(key, 'POST', '/v1/access/keys', own))).toEqual([403, 'own-grant']);
    expect((await call(key, 'POST', '/v1/access/keys', { ...own, roles: [{ role: 'admin' }] })).status).toBe(
      201,
    );
  });

  it('nobody makes what they have for a time last longer, with a key of their own making either', async () => {
    const mine = { kind: 'user', roles: [{ role: 'admin' }, { role: 'reviewer' }] };
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    const issued = async (by: string, actor: string, more = {}) =>
      call(by, 'POST', '/v1/access/keys', { actor, ...mine, ...more });
    const { key } = (await issued(admin, 'tess', { expires })).body as { key: string };
    const straw = (await issued(key, 'bert')).body as { key: string };
    for (const by of [key, straw.key]) {
      expect(codeOf(await issued(by, 'tess'))).toEqual([403, 'own-grant']);
      expect((await issued(by, 'tess', { expires })).status).toBe(201);
    }
  });

  it('an approval no longer counts when its reviewer lost the role since', async () => {
    const model = 'lost';
    const { id, key } = await issue('rosa', [{ role: 'reviewer' }]);
    const at = `/v1/models/${model}/versions`;
    await edge.post(at, { changelog: 'x', manifest: { config: { a: 1 } } });
    await edge.post(`${at}/1/evaluations`, {
      suite: 's',
      dataset: { name: 'd' },
      metrics: { f1: 1 },
      thresholds: { f1: { min: 0 } },
    });
    expect((await call(key, 'POST', `${at}/1/approvals`, { decision: 'approve' })).status).toBe(201);
    await call(admin, 'DELETE', `/v1/access/keys/${id}`);
    expect(codeOf(await edge.post(`${at}/1/promotion`, {}))).toEqual([409, 'not-approved']);
  });
});

describe('grants', () => {
  it('are made once, listed, and taken back', async () => {
    const { id, key } = await issue('gina', [{ role: 'reader', models: 'a-*' }]);
    const body = { to: { key: id }, role: 'operator', models: 'b-*' };
    const made = await call(admin, 'POST', '/v1/access/grants', body);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ changed: true, ...body, capacity: null, grantedBy: { id: 'admin' } });
    const again = await call(admin, 'POST', '/v1/access/grants', body);
    expect([again.status, again.body['changed'], again.body['id']]).toEqual([200, false, made.body['id']]);
    const rollBack = () => call(key, 'POST', '/v1/models/b-1/rollback', { from: 1, reason: 'drift' });
    expect(codeOf(await rollBack())).toEqual([404, 'model-unknown']);
    const location = made.headers.get('location')!;
    expect(location).toBe(`/v1/access/grants/${String(made.body['id'])}`);
    const gone = await call(admin, 'DELETE', location);
    expect(gone.body).toMatchObject({ changed: true });
    expect(codeOf(await rollBack())).toEqual([403, 'role-missing']);
    const { items } = (await call(admin, 'GET', '/v1/access/grants')).body as { items: { id: string }[] };
    expect(items.map((one) => one.id)).not.toContain(made.body['id']);
  });

  it.each<[string, object, string]>([
    ['nobody', { to: {}, role: 'reader' }, '/to'],
    ['two at once', { to: { actor: 'a', group: 'b' }, role: 'reader' }, '/to'],
    ['a role there is not', { to: { actor: 'a' }, role: 'root' }, '/role'],
    ['a capacity that says nothing', { to: { actor: 'a' }, role: 'reader', capacity: 'x' }, '/capacity'],
    ['a pattern that is none', { to: { actor: 'a' }, role: 'reader', models: 'A B' }, '/models'],
  ])('to %s are refused', async (_what, body, pointer) => {
    const { status, body: told } = await call(admin, 'POST', '/v1/access/grants', body);
    expect(status).toBe(400);
    expect(told['errors']).toContainEqual(expect.objectContaining({ pointer }));
  });

  it('the last admin stays', async () => {
    const opened = await call(PLATFORM.key, 'POST', '/v1/tenants', { tenant: 'lonely' });
    const { key, id } = opened.body['admin'] as Issued;
    const end = () => call(key, 'DELETE', `/v1/access/keys/${id}`);
    expect(codeOf(await end())).toEqual([409, 'last-admin']);
    // There is no identity provider here: nobody can come as a person.
    for (const to of [{ actor: 'bob' }, { group: 'ops' }])
      expect((await call(key, 'POST', '/v1/access/grants', { to, role: 'admin' })).status).toBe(201);
    expect(codeOf(await end())).toEqual([409, 'last-admin']);
    await issue('bob', [{ role: 'admin' }], {}, key);
    expect((await end()).body).toMatchObject({ changed: true });
  });
});

describe('a reader of some models', () => {
  it('is told of these alone, in lists and in events', async () => {
    await edge.promoted('seen-1', 1);
    await edge.promoted('hidden-1', 1);
    const { key } = await issue('peter', [{ role: 'reader', models: 'seen-*' }]);
    const list = (await call(key, 'GET', '/v1/models?limit=500')).body['items'] as { model: string }[];
    expect(list.map(({ model }) => model)).toEqual(['seen-1']);
    const events = (await call(key, 'GET', '/v1/events')).text;
    expect(events).toContain('seen-1');
    expect(events).not.toContain('hidden-1');
    expect((await call(key, 'GET', '/v1/models/seen-1/live')).status).toBe(200);
    expect(codeOf(await call(key, 'GET', '/v1/models/hidden-1/live'))).toEqual([403, 'role-missing']);
    // A name that there is not is refused alike.
    expect(codeOf(await call(key, 'GET', '/v1/models/hidden-2/live'))).toEqual([403, 'role-missing']);
  });

  it('leafs through these alone: pages are full, and no cursor names another or says that there is one', async () => {
    const register = (model: string) =>
      edge.post(`/v1/models/${model}/versions`, { changelog: 'x', manifest: { config: { a: 1 } } });
    for (const model of ['page-b', 'page-d', 'page-f']) await register(model);
    const { key } = await issue('paula', [{ role: 'reader', models: 'page-*' }]);
    const { key: one } = await issue('paul', [{ role: 'reader', models: 'page-b' }]);
    const leaf = async (by: string, limit: number) => {
      const pages: { items: { model: string }[]; next: string | null }[] = [];
      for (let after = ''; pages.length < 10;) {
        const from = after && `&after=${after}`;
        const http = await call(by, 'GET', `/v1/models?limit=${limit}${from}`);
        const rpc = await edge.rpc('ListModels', { limit, ...(after && { after }) }, bearer(by));
        const page = http.body as unknown as (typeof pages)[number];
        expect(rpc.message).toMatchObject({ items: page.items.map(({ model }) => ({ model })) });
        expect((rpc.message!['next'] as string | undefined) || null).toBe(page.next);
        pages.push(page);
        if (page.next === null) break;
        after = page.next;
      }
      return pages;
    };
    const before = await leaf(key, 2);
    // Before, between and after those that may be seen.
    for (const model of ['page', 'paga', 'pagf', 'pah', 'a', 'z']) await register(model);
    await edge.http('/v1/models', { headers: { 'gatehouse-at-least': await edge.head() } });
    expect(await leaf(key, 2)).toEqual(before);
    expect(before.map(({ items }) => items.map(({ model }) => model))).toEqual([
      ['page-b', 'page-d'],
      ['page-f'],
    ]);
    expect((await leaf(one, 1)).map(({ items, next }) => [items.map(({ model }) => model), next])).toEqual([
      [['page-b'], null],
    ]);
    for (const { next } of [...before, ...(await leaf(key, 1))])
      if (next !== null) expect(Buffer.from(next, 'base64url').toString('latin1')).toMatch(/"page-[bd]"$/);
  });

  it('is shown out of a stream when the key ends', async () => {
    const { id, key } = await issue('watcher', [{ role: 'reader' }]);
    const sse = await fetch(`http://${edge.running.http}/v1/models/seen-1/live`, {
      headers: { ...bearer(key), accept: 'text/event-stream' },
    });
    const rpc = await edge.stream('WatchLive', { model: 'seen-1' }, bearer(key));
    const ended = (async () => {
      for await (const _ of rpc);
    })().catch(({ code }: { code: number }) => code);
    await call(admin, 'DELETE', `/v1/access/keys/${id}`);
    const revoked = performance.now();
    expect(await sse.text()).toContain('id: 1');
    expect(await ended).toBe(16);
    expect(performance.now() - revoked).toBeLessThan(5_000);
  });
});

describe('the platform key', () => {
  it('opens, lists and suspends tenants', async () => {
    const opened = await call(PLATFORM.key, 'POST', '/v1/tenants', { tenant: 'acme-1' });
    expect(opened.status).toBe(201);
    const { key } = opened.body['admin'] as Issued;
    const again = await call(PLATFORM.key, 'POST', '/v1/tenants', { tenant: 'acme-1' });
    expect([again.status, again.body['changed'], again.body['admin']]).toEqual([200, false, null]);
    const { items } = (await call(PLATFORM.key, 'GET', '/v1/tenants')).body as {
      items: { tenant: string }[];
    };
    expect(items.map(({ tenant }) => tenant)).toEqual(expect.arrayContaining(['default', 'acme-1']));
    const suspension = '/v1/tenants/acme-1/suspension';
    await call(PLATFORM.key, 'POST', suspension, { reason: 'unpaid' });
    expect(codeOf(await call(key, 'GET', '/v1/access/me'))).toEqual([403, 'tenant-suspended']);
    await call(PLATFORM.key, 'DELETE', suspension);
    expect((await call(key, 'GET', '/v1/access/me')).status).toBe(200);
    const none = await call(PLATFORM.key, 'POST', '/v1/tenants/none/suspension', {});
    expect(codeOf(none)).toEqual([404, 'tenant-unknown']);
  });

  it('can do nothing inside one, and nobody else can do what it does', async () => {
    for (const path of ['/v1/models', '/v1/access/keys', '/v1/events', '/v1/policies'])
      expect(codeOf(await call(PLATFORM.key, 'GET', path))).toEqual([403, 'role-missing']);
    expect(codeOf(await call(admin, 'GET', '/v1/tenants'))).toEqual([403, 'role-missing']);
  });
});

describe('over gRPC', () => {
  it('keys, grants and tenants are what they are over HTTP', async () => {
    const as = bearer(admin);
    const asked = { actor: 'grpc', kind: 'service', roles: [{ role: 'registrar', models: 'x-*' }] };
    const made = (await edge.rpc('IssueKey', asked, as)).message as { key: string; info: { id: string } };
    expect((await edge.rpc('GetMe', {}, bearer(made.key))).message).toMatchObject({
      tenant: 'default',
      actor: { id: 'grpc', kind: 'service' },
      roles: [{ role: 'registrar', models: 'x-*' }],
    });
    const to = { key: made.info.id };
    const granted = await edge.rpc('GrantRole', { to, role: 'reader' }, as);
    expect(granted.message).toMatchObject({ changed: true, grant: { to, role: 'reader' } });
    const { id } = granted.message!['grant'] as { id: string };
    expect((await edge.rpc('ListGrants', {}, as)).message!['items']).toContainEqual(
      expect.objectContaining({ id }),
    );
    expect((await edge.rpc('WithdrawGrant', { id }, as)).message).toMatchObject({ changed: true, id });
    const revoked = await edge.rpc('RevokeKey', { id: made.info.id }, as);
    expect(revoked.message).toMatchObject({ changed: true, info: { id: made.info.id } });
    expect((await edge.rpc('GetMe', {}, bearer(made.key))).details?.reason).toBe('credential-invalid');
    const opened = await edge.rpc('OpenTenant', { tenant: 'by-grpc' }, bearer(PLATFORM.key));
    expect(opened.message).toMatchObject({ tenant: { tenant: 'by-grpc' }, admin: { actor: 'admin' } });
    expect((await edge.rpc('GetMe', {}, bearer(opened.message!['key'] as string))).code).toBe(0);
    for (const change of ['SuspendTenant', 'ResumeTenant'])
      expect((await edge.rpc(change, { tenant: 'by-grpc' }, bearer(PLATFORM.key))).message).toMatchObject({
        changed: true,
      });
  });
});
