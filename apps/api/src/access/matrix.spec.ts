import { PERMISSIONS, permits, ROLES, type OperationName, type RoleGrant } from '@gatehouse/domain';
import { PLATFORM } from '../../../../test/support/keys';
import { TestProvider } from '../../../../libs/identity/src/testing/provider';
import { loadProtos } from '../protos';
import { Routes } from '../routes';
import { Edge } from '../testing/edge';
import { AUDIENCE, refusedCredentials } from './testing/credentials';
import { ROUTES, RPCS, STREAMS } from './testing/operations';

// Every operation × every credential × every role × own and other tenant, over both doors: what the table does not allow is
// refused, what it allows is not.

let edge: Edge;
let provider: TestProvider;
let refused: Record<string, string | undefined>;
/** Who may be let in, by what they hold. */
const holders: { who: string; roles: readonly RoleGrant[]; authorization: string }[] = [];

beforeAll(async () => {
  provider = await TestProvider.start();
  const claims = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
  edge = await Edge.open({ oidc: { issuer: provider.issuer, audience: AUDIENCE, claims } });
  await edge.promoted('m', 1);
  const admin = { authorization: `Bearer ${await edge.keys.admin()}` };
  for (const role of ROLES)
    for (const models of [undefined, 'x-*']) {
      const roles = [{ role, ...(models && { models }) }];
      const { body } = await edge.post(
        '/v1/access/keys',
        { actor: `${role}-key`, kind: 'user', roles },
        admin,
      );
      const who = `${role} ${models ?? ''}`;
      holders.push({ who: `key: ${who}`, roles, authorization: `Bearer ${body['key'] as string}` });
      const group = who.trim().replaceAll(' ', '/');
      await edge.post('/v1/access/grants', { to: { group }, ...roles[0] }, admin);
      const token = {
        sub: `${role}-person`,
        audience: AUDIENCE,
        claims: { tenant: 'default', groups: [group] },
      };
      holders.push({ who: `token: ${who}`, roles, authorization: `Bearer ${await provider.token(token)}` });
    }
  refused = await refusedCredentials(edge, provider);
}, 60_000);
afterAll(async () => {
  await edge.close();
  await provider.stop();
});

/** What an answer says of the right to ask: 401, 403 for lack of a role, or that it went further. */
type Verdict = 'unknown' | 'denied' | 'in';

const PARAMETERS: Record<string, string> = {
  model: 'm',
  n: '1',
  ref: '1',
  policy: 'none',
  id: 'none',
  tenant: 'none',
};
const pathOf = (url: string) => url.replace(/:(\w+)/g, (_, name: string) => PARAMETERS[name]!);

async function overHttp(method: string, path: string, authorization: string | undefined): Promise<Verdict> {
  const headers: Record<string, string> = { ...(authorization !== undefined && { authorization }) };
  if (method === 'POST') headers['content-type'] = 'application/json';
  const init = { method, headers, ...(method === 'POST' && { body: '{}' }) };
  // Not through `edge.http`, which would be helpful.
  const answer = await fetch(`http://${edge.running.http}${path}`, init);
  const text = await answer.text();
  if (answer.status === 401) return 'unknown';
  return answer.status === 403 && (method === 'HEAD' || text.includes('"code":"role-missing"'))
    ? 'denied'
    : 'in';
}

async function overGrpc(method: string, authorization: string | undefined): Promise<Verdict> {
  // An empty entry is none to the one who translates.
  const sent = { authorization: authorization ?? '' };
  if (STREAMS.test(method)) return streamed(method, sent);
  const { code, details } = await edge.rpc(method, { model: 'm' }, sent);
  if (code === 16) return 'unknown';
  return details?.reason === 'role-missing' ? 'denied' : 'in';
}

async function streamed(method: string, sent: { authorization: string }): Promise<Verdict> {
  const call = await edge.stream(method, { model: method === 'WatchLive' ? 'none' : 'm' }, sent);
  try {
    for await (const _ of call) return 'in';
    return 'in';
  } catch (error) {
    const { code } = error as { code: number };
    return code === 16 ? 'unknown' : code === 7 ? 'denied' : 'in';
  } finally {
    call.cancel();
  }
}

/** Those whose verdict is another than it has to be. */
async function unexpected(
  operation: OperationName,
  ask: (authorization: string | undefined) => Promise<Verdict>,
): Promise<string[]> {
  const wrong: string[] = [];
  const judge = async (who: string, authorization: string | undefined, due: Verdict) => {
    const verdict = await ask(authorization);
    if (verdict !== due) wrong.push(`${who}: ${verdict}, not ${due}`);
  };
  for (const [what, authorization] of Object.entries(refused)) await judge(what, authorization, 'unknown');
  for (const { who, roles, authorization } of holders)
    await judge(who, authorization, permits(roles, operation, 'm') ? 'in' : 'denied');
  const isPlatforms = PERMISSIONS[operation].scope === 'platform';
  await judge('the platform', `Bearer ${PLATFORM.key}`, isPlatforms ? 'in' : 'denied');
  return wrong;
}

describe('over HTTP', () => {
  it('every route of the running service has a row here, and every row a route', () => {
    const ours = edge.running.app
      .get(Routes)
      .all()
      .filter((route) => !/^(HEAD|OPTIONS) /.test(route) && !/ \/(docs|openapi)/.test(route));
    expect(ours.sort()).toEqual(Object.keys(ROUTES).sort());
  });

  const rows = Object.entries(ROUTES).filter(([, operation]) => operation !== 'public');
  it.each(rows as [string, OperationName][])('%s takes %s', async (route, operation) => {
    const [method, url] = route.split(' ') as [string, string];
    expect(await unexpected(operation, (sent) => overHttp(method, pathOf(url), sent))).toEqual([]);
    if (method === 'GET')
      expect(await unexpected(operation, (sent) => overHttp('HEAD', pathOf(url), sent))).toEqual([]);
  });

  it.each(rows.map(([route]) => route))('%s has no side door', async (route) => {
    const [method, url] = route.split(' ') as [string, string];
    const path = pathOf(url);
    const variants = [
      `/${path}`,
      path.replace('/v1/', '/v1//'),
      `${path}/`,
      path.replace('/v1/', '/v1%2F'),
      path.replace('/v1/', '/V1/'),
      path.toUpperCase(),
      `/v1/../${path.slice(1)}`,
      `/healthz/..${path}`,
      `${path};a=b`,
      `${path}%00`,
      `${path}%20`,
    ];
    const statuses = await Promise.all(
      variants.map(async (variant) => {
        const body = method === 'POST' ? { body: '{}' } : {};
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(`http://${edge.running.http}${variant}`, { method, headers, ...body });
        return [variant, answer.status] as const;
      }),
    );
    expect(statuses.filter(([, status]) => status < 400)).toEqual([]);
  });

  it('what names no credential is asked for one, and what has two is taken for none', async () => {
    const { authorization } = await edge.as();
    const twice = `GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nAuthorization: ${authorization}\r\n\r\n`;
    expect(await edge.raw(twice)).toMatch(/^HTTP\/1.1 401 /);
    const nobody = await edge.raw('GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(nobody).toMatch(/www-authenticate: Bearer realm="gatehouse"\r\n/i);
  });

  it('the headers that once said who calls say nothing', async () => {
    const headers = { 'gatehouse-actor': 'admin', 'gatehouse-tenant': 'default' };
    expect((await fetch(`http://${edge.running.http}/v1/models`, { headers })).status).toBe(401);
  });
});

describe('over gRPC', () => {
  it('every RPC of the proto has a row here, and every row an RPC', () => {
    const methods = Object.entries(loadProtos())
      .filter(([name, definition]) => name.startsWith('gatehouse.v1.') && !('format' in definition))
      .flatMap(([, service]) => Object.keys(service));
    expect(methods.sort()).toEqual(Object.keys(RPCS).sort());
  });

  it.each(Object.entries(RPCS))('%s takes %s', async (method, operation) => {
    expect(await unexpected(operation, (sent) => overGrpc(method, sent))).toEqual([]);
  });
});
