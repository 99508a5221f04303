import { PERMISSIONS, permits, ROLES, type OperationName, type RoleGrant } from '@gatehouse/domain';
import { Agent, request } from 'node:http';
import { readStatusDetails } from '@gatehouse/contracts';
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
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
/** One that nobody here trusts. */
let other: TestProvider;
let refused: Record<string, string | undefined>;
/** Who may be let in, by what they hold; `abroad`: in another tenant, where nothing is. */
type Holder = { who: string; roles: readonly RoleGrant[]; authorization: string; abroad: boolean };
const holders: Holder[] = [];
/** Somebody who was let in until their tenant was suspended. */
let suspended: string;

beforeAll(async () => {
  [provider, other] = await Promise.all([TestProvider.start(), TestProvider.start()]);
  const claims = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
  edge = await Edge.open({ oidc: { issuer: provider.issuer, audience: AUDIENCE, claims } });
  await edge.promoted('m', 1);
  for (const tenant of ['default', 'abroad']) await hold(tenant);
  refused = await refusedCredentials(edge, provider, other);
  suspended = (await edge.as({ tenant: 'closed' })).authorization;
  const platform = { authorization: `Bearer ${PLATFORM.key}` };
  await edge.post('/v1/tenants/closed/suspension', {}, platform);
}, 60_000);
afterAll(async () => {
  await edge.close();
  await provider.stop();
  await other.stop();
});

/** Every role of a tenant, for all models and for some, by a key and by a token. */
async function hold(tenant: string): Promise<void> {
  const abroad = tenant !== 'default';
  const admin = { authorization: `Bearer ${await edge.keys.admin(tenant)}` };
  for (const role of ROLES)
    for (const models of [undefined, 'x-*']) {
      const roles = [{ role, ...(models && { models }) }];
      const { body } = await edge.post(
        '/v1/access/keys',
        { actor: `${role}-key`, kind: 'user', roles },
        admin,
      );
      const who = `${role} ${models ?? ''}`;
      const key = `Bearer ${body['key'] as string}`;
      holders.push({ who: `key: ${who} of ${tenant}`, roles, authorization: key, abroad });
      const group = who.trim().replaceAll(' ', '/');
      await edge.post('/v1/access/grants', { to: { group }, ...roles[0] }, admin);
      const token = {
        sub: `${role}-person`,
        audience: AUDIENCE,
        claims: { tenant, groups: [group] },
      };
      const bearer = `Bearer ${await provider.token(token)}`;
      holders.push({ who: `token: ${who} of ${tenant}`, roles, authorization: bearer, abroad });
    }
}

/** What an answer says of the right to ask: 401, 403, or that it went further, and then whether anything was found. */
type Verdict = 'unknown' | 'denied' | 'suspended' | 'nothing' | 'in';

const PARAMETERS: Record<string, string> = {
  model: 'm',
  n: '1',
  ref: '1',
  policy: 'none',
  id: 'none',
  tenant: 'none',
};
const pathOf = (url: string) => url.replace(/:(\w+)/g, (_, name: string) => PARAMETERS[name]!);

async function overHttp(
  method: string,
  path: string,
  authorization: string | undefined,
  accept?: string,
): Promise<Verdict> {
  const headers: Record<string, string> = { ...(authorization !== undefined && { authorization }) };
  if (accept !== undefined) headers['accept'] = accept;
  if (method === 'POST') headers['content-type'] = 'application/json';
  const init = { method, headers, ...(method === 'POST' && { body: '{}' }) };
  // Not through `edge.http`, which would be helpful.
  const answer = await fetch(`http://${edge.running.http}${path}`, init);
  if (answer.status < 400) {
    // A stream goes on and on.
    await answer.body?.cancel();
    return 'in';
  }
  const text = await answer.text();
  if (answer.status === 401) return 'unknown';
  if (answer.status !== 403) return 'nothing';
  if (method === 'HEAD') return 'denied';
  return text.includes('"code":"tenant-suspended"') ? 'suspended' : 'denied';
}

/** The first line of an answer, to a path that no client would have left as it is. */
function raw(method: string, path: string, authorization: string | undefined): Promise<string> {
  const { port } = new URL(`http://${edge.running.http}`);
  const headers = { ...(authorization && { authorization }), 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: AGENT }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(`HTTP/${answer.httpVersion} ${answer.statusCode} `));
    });
    asked.once('error', reject);
    asked.end(['POST', 'PUT', 'PATCH'].includes(method) ? '{}' : undefined);
  });
}

async function overGrpc(method: string, authorization: string | undefined): Promise<Verdict> {
  // An empty entry is none to the one who translates.
  const sent = { authorization: authorization ?? '' };
  if (STREAMS.test(method)) return streamed(method, sent);
  const { code, details } = await edge.rpc(method, { model: 'm' }, sent);
  return verdictOf(code, details?.reason);
}

async function streamed(method: string, sent: { authorization: string }): Promise<Verdict> {
  const call = await edge.stream(method, { model: method === 'WatchLive' ? 'none' : 'm' }, sent);
  try {
    for await (const _ of call) return 'in';
    return 'in';
  } catch (error) {
    const { code, metadata } = error as ServiceError;
    const [details] = metadata.get('grpc-status-details-bin');
    return verdictOf(code, details && readStatusDetails(details as Buffer)?.reason);
  } finally {
    call.cancel();
  }
}

function verdictOf(code: number, reason: string | undefined): Verdict {
  if (code === 0) return 'in';
  if (code === 16) return 'unknown';
  if (code !== 7) return 'nothing';
  return reason === 'tenant-suspended' ? 'suspended' : 'denied';
}

/** What only looks like a request for something else. */
const METHODS = ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];
const AGENT = new Agent({ keepAlive: true, maxSockets: 20 });
const BYTES = (bytes: Buffer) => bytes;
const EVENT_STREAM = 'text/event-stream';
/** The pages of documentation, which need no credential. */
const DOCS = /^GET \/(docs(\/.*)?|openapi\.(json|yaml))$/;

/** What each credential is refused for: one that is refused for something else proves nothing. */
const REASONS: Record<string, RegExp> = {
  'a malformed key': /^The credential is neither/,
  'a malformed token': /^The credential is neither/,
  'neither key nor token': /^The credential is neither/,
  'an unknown key': /^There is no such credential/,
  'a key of a tenant there is not': /^There is no such credential/,
  'a revoked key': /^The credential was revoked/,
  'an expired key': /^The credential has expired/,
  'an expired token': /^The credential has expired/,
  'another audience': /^The token was made for somebody else/,
  'another issuer': /^The token comes from an issuer that is not trusted/,
  'another issuer, that says it is ours': /^(The token names a key|The signature)/,
  'alg none': /^The token is not signed with one of the asymmetric/,
  'HS256 with the public key': /^The token is not signed with one of the asymmetric/,
  'a foreign kid': /^The token names a key that its issuer does not publish/,
  'our kid, and a foreign key': /^The signature|^The token names a key/,
  'a tampered token': /^The signature of the token does not verify/,
  'a token for no tenant': /^The token names no tenant/,
  'a token for a tenant there is not': /^There is no such credential/,
};

const IN: Verdict[] = ['in', 'nothing'];
const DENIED: Verdict[] = ['denied'];

/** Those whose verdict is another than it has to be. */
async function unexpected(
  operation: OperationName,
  ask: (authorization: string | undefined) => Promise<Verdict>,
): Promise<string[]> {
  const wrong: string[] = [];
  const judge = async (who: string, authorization: string | undefined, ...due: Verdict[]) => {
    const verdict = await ask(authorization);
    if (!due.includes(verdict)) wrong.push(`${who}: ${verdict}, not ${due.join(' or ')}`);
  };
  for (const [what, authorization] of Object.entries(refused)) await judge(what, authorization, 'unknown');
  // A HEAD does not say which of the two.
  await judge('a tenant that is suspended', suspended, 'suspended', 'denied');
  for (const { who, roles, authorization, abroad } of holders)
    if (!permits(roles, operation, 'm')) await judge(who, authorization, ...DENIED);
    else if (abroad && PERMISSIONS[operation].scope === 'model') await judge(who, authorization, 'nothing');
    else await judge(who, authorization, ...IN);
  const isPlatforms = PERMISSIONS[operation].scope === 'platform';
  await judge('the platform', `Bearer ${PLATFORM.key}`, ...(isPlatforms ? IN : DENIED));
  return wrong;
}

describe('over HTTP', () => {
  it('every route of the running service has a row here, and every row a route', () => {
    const all = edge.running.app.get(Routes).all();
    const ours = all.filter((route) => !/^(HEAD|OPTIONS) /.test(route) && !DOCS.test(route));
    expect(ours.sort()).toEqual(Object.keys(ROUTES).sort());
    // A HEAD is what the GET is; a route of its own would have no row.
    const heads = all.filter((route) => route.startsWith('HEAD '));
    expect(heads.filter((route) => !all.includes(route.replace('HEAD', 'GET')))).toEqual([]);
  });

  it.each(Object.entries(REASONS))('%s is refused for this and nothing else', async (what, reason) => {
    const authorization = refused[what];
    const { status, body } = await edge.http('/v1/models', { headers: { authorization: authorization! } });
    expect([status, body['detail']]).toEqual([401, expect.stringMatching(reason)]);
  });

  const rows = Object.entries(ROUTES).filter(([, operation]) => operation !== 'public');
  it.each(rows as [string, OperationName][])('%s takes %s', async (route, operation) => {
    const [method, url] = route.split(' ') as [string, string];
    expect(await unexpected(operation, (sent) => overHttp(method, pathOf(url), sent))).toEqual([]);
    if (method === 'GET')
      expect(await unexpected(operation, (sent) => overHttp('HEAD', pathOf(url), sent))).toEqual([]);
  });

  it.each(rows as [string, OperationName][])('%s has no side door', async (route, operation) => {
    const [method, url] = route.split(' ') as [string, string];
    const path = pathOf(url);
    const variants = [
      `/${path}`,
      path.replace('/v1/', '/v1//'),
      `${path}/`,
      `${path}//`,
      path.replace('/v1/', '/v1%2F'),
      path.replace('/v1/', '/v1%2f'),
      path.replace(/\/(?=[^/]*$)/, '%2F'),
      path.replace(/\/(?=[^/]*$)/, '%5C'),
      path.replace('/v1/', '/%76%31/'),
      path.replace('/v1/', '/V1/'),
      path.toUpperCase(),
      `/v1/../${path.slice(1)}`,
      `/v1/%2e%2e${path}`,
      `/healthz/..${path}`,
      `/healthz/%2e%2e${path}`,
      `${path};a=b`,
      `${path}%00`,
      `${path}%20`,
    ];
    // For nobody, for whoever may do nothing of the kind, and by every method that might be taken for another.
    const isPlatforms = PERMISSIONS[operation].scope === 'platform';
    const denied = isPlatforms ? holders[0]!.authorization : `Bearer ${PLATFORM.key}`;
    const asked = [undefined, denied].flatMap((authorization) =>
      [method, ...METHODS].flatMap((one) => variants.map((path) => ({ one, path, authorization }))),
    );
    const answers = await Promise.all(
      asked.map(async ({ one, path, authorization }) => [
        `${one} ${path}`,
        await raw(one, path, authorization),
      ]),
    );
    // OPTIONS says at most which methods there are.
    const open = answers.filter(
      ([what, head]) => !/^HTTP\/1\.1 4\d\d /.test(head!) && !/^OPTIONS /.test(what!),
    );
    expect(open).toEqual([]);
    const told = answers.filter(
      ([what, head]) => /^OPTIONS /.test(what!) && !/^HTTP\/1\.1 (204|4\d\d) /.test(head!),
    );
    expect(told).toEqual([]);
  });

  it.each(rows.map(([route]) => route.split(' ')[1]!))(
    'OPTIONS %s says which methods, and nothing else',
    async (url) => {
      const methods = rows
        .map(([route]) => route.split(' '))
        .filter(([, one]) => one === url)
        .map(([one]) => one!);
      const allow = [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])];
      for (const authorization of [undefined, suspended, holders[0]!.authorization]) {
        const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
        const answer = await fetch(`http://${edge.running.http}${pathOf(url)}`, {
          method: 'OPTIONS',
          headers,
        });
        expect([answer.status, await answer.text()]).toEqual([204, '']);
        for (const one of allow) expect(answer.headers.get('allow')!.split(', ')).toContain(one);
      }
    },
  );

  it.each(rows.filter(([route]) => / .*(live|events)$/.test(route)) as [string, OperationName][])(
    '%s as an event stream takes %s',
    async (route, operation) => {
      const path = pathOf(route.split(' ')[1]!);
      expect(await unexpected(operation, (sent) => overHttp('GET', path, sent, EVENT_STREAM))).toEqual([]);
    },
  );

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

  it.each(Object.keys(RPCS))('%s has no side door', async (method) => {
    const [, at] = Object.entries(loadProtos())
      .filter(([name]) => name.startsWith('gatehouse.v1.'))
      .flatMap(([service, methods]) =>
        Object.keys(methods).map((one) => [one, `/${service}/${one}`] as const),
      )
      .find(([one]) => one === method)!;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${await edge.keys.key({})}`);
    const variants = [
      `/${at}`,
      `${at}/`,
      at.toLowerCase(),
      at.toUpperCase(),
      at.replace(/\/(?=[^/]*$)/, '%2F'),
      at.replaceAll('/', '//'),
      at.replace('v1.', 'v1/'),
      at.replace('gatehouse.v1.', ''),
    ];
    for (const path of variants) {
      const code = await new Promise((resolve) =>
        edge.registry.makeUnaryRequest(path, BYTES, BYTES, Buffer.alloc(0), metadata, (error) =>
          resolve(error?.code ?? 0),
        ),
      );
      expect([path, code]).toEqual([path, status.UNIMPLEMENTED]);
    }
  });
});
