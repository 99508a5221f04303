import { Controller, Module, Param, Post, Query } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { permits, type OperationName, type RoleGrant } from '@gatehouse/domain';
import { mintApiKey } from '@gatehouse/identity';
import { Operation } from '@gatehouse/platform';
import { PLATFORM } from '../../../../test/support/keys';
import { TestProvider } from '../../../../libs/identity/src/testing/provider';
import { EDGE } from '../app.module';
import { Edge } from '../testing/edge';
import { AccessModule } from './access.module';
import { AUDIENCE, refusedCredentials } from './testing/credentials';
import { ROUTES, RPCS, STREAMS } from './testing/operations';

// The whole log output, at its most talkative: whoever lacks a right is in it, once; what anybody came with is not.

/** Fails at everything, as a mistake of ours would. */
@Controller('v1/broken')
class Broken {
  @Post(':model')
  @Operation('register')
  overHttp(@Param('model') model: string, @Query('key') _key: string): never {
    throw new TypeError(`Cannot read properties of ${model.length}`);
  }

  @GrpcMethod('Registry', 'GetLive')
  @Operation('read')
  overGrpc(): never {
    throw new TypeError('Cannot read properties of undefined');
  }
}

@Module({ imports: [AccessModule], controllers: [Broken], providers: EDGE })
class BrokenModule {}

let provider: TestProvider;
let other: TestProvider;
let edge: Edge;
let output = '';
const log = pino({ level: 'trace', base: null }, { write: (line: string) => void (output += line) });
/** Of each credential that was presented: what must not be told of it. */
const secrets = new Set<string>();

beforeAll(async () => {
  [provider, other] = await Promise.all([TestProvider.start(), TestProvider.start()]);
  const claims = { actor: 'sub', tenant: 'tenant', groups: 'groups' };
  const oidc = { issuer: provider.issuer, audience: AUDIENCE, claims };
  edge = await Edge.open({ oidc }, undefined, undefined, log);
  await edge.promoted('m', 1);
  for (const key of [PLATFORM.key, await edge.keys.admin()]) keepSecret(key);
}, 60_000);
afterAll(async () => {
  await edge.close();
  await provider.stop();
  await other.stop();
});

/** The credential and its secret part, as they are and hashed. */
function keepSecret(credential: string): string {
  // A token ends in its signature; a key in its secret and six digits of checksum.
  const isToken = credential.includes('.');
  const part = isToken ? credential.split('.').at(-1)! : credential.split('_').at(-1)!.slice(0, -6);
  for (const text of [credential, part].filter(({ length }) => length > 20)) {
    secrets.add(text);
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      secrets.add(createHash('sha256').update(text).digest(encoding));
  }
  return credential;
}

async function keyOf(actor: string, roles: readonly RoleGrant[]): Promise<string> {
  const as = { authorization: `Bearer ${await edge.keys.admin()}` };
  const { body } = await edge.post('/v1/access/keys', { actor, kind: 'user', roles }, as);
  return keepSecret(body['key'] as string);
}

/** Lines as they were written since. */
const since = (start: number) =>
  output
    .slice(start)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function counted(metric: string): Promise<number> {
  const { text } = await edge.http('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
  return Number(line?.slice(metric.length) ?? 0);
}

const pathOf = (url: string) => url.replace(/:(\w+)/g, (_, name: string) => (name === 'model' ? 'm' : '1'));

async function askHttp(method: string, path: string, headers: Record<string, string>): Promise<number> {
  const json = method === 'POST' && { 'content-type': 'application/json' };
  const body = method === 'POST' && { body: '{}' };
  const answer = await fetch(`http://${edge.running.http}${path}`, {
    method,
    headers: { ...json, ...headers },
    ...body,
  });
  await answer.text();
  return answer.status;
}

async function askGrpc(rpc: string, headers: Record<string, string>, message: object = { model: 'm' }) {
  if (!STREAMS.test(rpc)) return (await edge.rpc(rpc, message, headers)).code;
  const call = await edge.stream(rpc, message, headers);
  try {
    for await (const _ of call) break;
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  } finally {
    call.cancel();
  }
}

describe('whoever lacks a right', () => {
  const holders = [
    { actor: 'rita', roles: [{ role: 'reader' }] },
    { actor: 'adam', roles: [{ role: 'admin' }] },
  ] as const;
  const bearers = new Map<string, string>();
  beforeAll(async () => {
    for (const { actor, roles } of holders) bearers.set(actor, `Bearer ${await keyOf(actor, roles)}`);
  });

  type Ask = (headers: Record<string, string>) => Promise<number>;
  const doors: readonly (readonly [
    string,
    number,
    Readonly<Record<string, string>>,
    (what: string) => Ask,
  ])[] = [
    [
      'HTTP',
      403,
      ROUTES,
      (route) => (headers) => {
        const [method, url] = route.split(' ') as [string, string];
        return askHttp(method, pathOf(url), headers);
      },
    ],
    ['gRPC', 7, RPCS, (rpc) => (headers) => askGrpc(rpc, headers)],
  ];
  const rows = doors.flatMap(([door, status, operations, asking]) =>
    Object.entries(operations)
      .filter(([, operation]) => operation !== 'public' && operation !== 'read-self')
      .map(([what, operation]) => [what, door, operation as OperationName, status, asking(what)] as const),
  );

  it.each(rows)('is told once and counted once: %s over %s', async (what, door, operation, status, ask) => {
    const { actor } = holders.find(({ roles }) => !permits(roles, operation, 'm'))!;
    const denials = `gatehouse_denials_total{operation="${operation}",code="role-missing"}`;
    const refusals = 'gatehouse_refusals_total{code="role-missing"}';
    const before = [await counted(denials), await counted(refusals)];
    const start = output.length;
    const id = `denied ${door} ${what}`.replace(/[ :]/g, '-');
    expect(await ask({ authorization: bearers.get(actor)!, 'x-request-id': id })).toBe(status);
    expect(since(start).filter(({ msg }) => msg === 'a right is missing')).toEqual([
      expect.objectContaining({ id, tenant: 'default', actor, operation, code: 'role-missing' }),
    ]);
    expect([await counted(denials), await counted(refusals)]).toEqual(before.map((count) => count + 1));
  });
});

it.each([
  ['own-grant', 'grant', '/v1/access/grants', { to: { actor: 'ada' }, role: 'reviewer' }],
  ['own-approval', 'approve', '/v1/models/own/versions/1/approvals', { decision: 'approve' }],
])('whoever may not because of who they are is told once, too: %s', async (code, operation, path, body) => {
  const authorization = `Bearer ${await keyOf('ada', [{ role: 'admin' }, { role: 'registrar' }, { role: 'reviewer', models: 'own' }])}`;
  await edge.post('/v1/models/own/versions', { changelog: 'x', manifest: { config: 1 } }, { authorization });
  const start = output.length;
  const refused = await edge.post(path, body, { authorization, 'x-request-id': code });
  expect([refused.status, refused.body['code']]).toEqual([403, code]);
  expect(since(start).filter(({ msg }) => msg === 'a right is missing')).toEqual([
    expect.objectContaining({ id: code, tenant: 'default', actor: 'ada', operation, code }),
  ]);
});

it.each([
  ['HTTP', (as: Record<string, string>) => askHttp('GET', '/v1/models/m/live', as), 403],
  ['gRPC', (as: Record<string, string>) => askGrpc('GetLive', as), 7],
])(
  'whoever is of a suspended tenant is told once, with what they wanted: over %s',
  async (door, ask, status) => {
    const tenant = `closed-${door.toLowerCase()}`;
    const opened = await edge.post('/v1/tenants', { tenant }, { authorization: `Bearer ${PLATFORM.key}` });
    const { id: credential, key } = opened.body['admin'] as { id: string; key: string };
    const as = { authorization: `Bearer ${PLATFORM.key}` };
    await edge.post(`/v1/tenants/${tenant}/suspension`, {}, as);
    const denials = 'gatehouse_denials_total{operation="read",code="tenant-suspended"}';
    const before = await counted(denials);
    const start = output.length;
    const id = `suspended-${door}`;
    expect(await ask({ authorization: `Bearer ${keepSecret(key)}`, 'x-request-id': id })).toBe(status);
    const told = { id, tenant, actor: 'admin', credential, operation: 'read', code: 'tenant-suspended' };
    expect(since(start).filter(({ msg }) => msg === 'a right is missing')).toEqual([
      expect.objectContaining(told),
    ]);
    expect(await counted(denials)).toBe(before + 1);
  },
);

const escaped = (text: string) => text.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`);
const unescaped = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** As clients and gateways write it that encode more than they need to, or what is encoded already. */
function spellingsOf(secret: string): string[] {
  const joints = secret.replace(/\W|_/g, escaped);
  return [
    joints,
    joints.replace(/%../g, (one) => one.toUpperCase()),
    escaped(secret[0]!) + secret.slice(1),
    escaped(secret),
    encodeURIComponent(joints),
    encodeURIComponent(encodeURIComponent(joints)),
    escaped(joints),
    `100%&${joints}%zz%`,
  ];
}

describe('what anybody came with', () => {
  /** Where a client that has not read the docs puts it. */
  async function clumsily(secret: string, as: Record<string, string>): Promise<void> {
    const asked = async (method: string, path: string, headers: Record<string, string> = {}) =>
      askHttp(method, path, headers);
    for (const path of [
      `/v1/models?key=${secret}`,
      `/v1/models/m/live?access_token=${secret}`,
      `/v1/models?limit=1&after=${secret}`,
      `/v1/models?${'x'.repeat(470)}=${secret}`,
      `/v1/models/${secret}/live`,
      `/v1/models/m/versions/${secret}`,
      `/v1/${secret}`,
      `/${secret}?${secret}`,
      `/v1/policies/${encodeURIComponent(secret)}`,
    ]) {
      await asked('GET', path);
      await asked('GET', path, as);
    }
    for (const spelt of spellingsOf(secret)) {
      for (const path of [`/v1/models?q=${spelt}`, `/v1/models/${spelt}/live`, `/${spelt}`])
        await asked('GET', path, as);
      await asked('GET', '/v1/models', { 'x-request-id': spelt });
      await asked('POST', '/v1/models/m/versions', { ...as, 'x-request-id': spelt });
      await askGrpc('GetLive', { ...as, 'x-request-id': spelt });
    }
    await asked('DELETE', `/v1/access/keys/${secret}`, as);
    await asked('POST', `/v1/models/m/versions?api_key=${secret}`, as);
    const names = ['x-api-key', 'x-request-id', 'traceparent', 'idempotency-key', 'if-match', 'cookie'];
    for (const name of [...names, 'gatehouse-at-least', 'user-agent', 'accept', 'last-event-id']) {
      await asked('POST', '/v1/models/m/versions', { ...as, [name]: secret });
      await asked('GET', '/v1/models/m/live', { ...as, [name]: secret });
      await asked('GET', '/v1/models', { [name]: secret });
    }
    for (const body of [
      { actor: secret, kind: 'nobody', roles: [] },
      { key: secret, [secret]: secret },
      `{"key": ${secret}`,
      secret,
    ])
      for (const path of ['/v1/access/keys', '/v1/models/m/versions', '/v1/policies'])
        await edge.post(path, body, as);
    await edge.raw(`GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization ${secret}\r\n\r\n`, 50);
    await edge.raw(`${secret}\r\n\r\n`, 50);
    for (const name of ['x-api-key', 'api-key', 'x-request-id', 'traceparent', 'idempotency-key']) {
      await askGrpc('GetLive', { ...as, [name]: secret });
      await askGrpc('Register', { ...as, [name]: secret });
    }
    for (const rpc of ['GetLive', 'GetVersion', 'RevokeKey', 'Promote', 'PublishPolicy', 'IssueKey'])
      await askGrpc(rpc, as, { model: secret, ref: secret, id: secret, document: secret, actor: secret });
  }

  it('is not told, whatever is wrong with it', async () => {
    const refused = await refusedCredentials(edge, provider, other);
    for (const authorization of Object.values(refused)) {
      if (authorization === undefined) continue;
      const [, credential = authorization] = authorization.trim().split(' ');
      if (credential.length > 20) keepSecret(credential);
      for (const sent of [
        authorization,
        `${authorization}, ${authorization}`,
        `Bearer: ${credential}`,
        `"${credential}"`,
      ]) {
        await askHttp('GET', '/v1/models/m/live', { authorization: sent });
        await askHttp('POST', '/v1/models/m/versions', { authorization: sent });
        await askGrpc('GetLive', { authorization: sent });
        await askGrpc('WatchLive', { authorization: sent });
      }
    }
  });

  it('is not told when it is put where it does not belong', async () => {
    const admin = { authorization: `Bearer ${await edge.keys.admin()}` };
    const key = await keyOf('clumsy', [{ role: 'reader' }]);
    const claims = { tenant: 'default', groups: [] };
    const token = keepSecret(await provider.token({ sub: 'clumsy', audience: AUDIENCE, claims }));
    for (const secret of [key, token, PLATFORM.key, keepSecret(mintApiKey('default').key)])
      await clumsily(secret, admin);
  }, 60_000);

  it('is not told when the fault is ours, or that of the provider', async () => {
    const start = output.length;
    const oidc = {
      issuer: provider.issuer,
      audience: AUDIENCE,
      claims: { actor: 'sub', tenant: 'tenant', groups: 'groups' },
    };
    const claims = { tenant: 'default', groups: [] };
    const token = keepSecret(await provider.token({ sub: 'ann', audience: AUDIENCE, claims }));
    const working = edge;
    edge = await Edge.open({ oidc }, BrokenModule, undefined, log);
    try {
      const as = await edge.as({ actor: 'unlucky' });
      keepSecret(as.authorization.split(' ')[1]!);
      keepSecret(await edge.keys.admin());
      const query = `?key=${as.authorization.split(' ')[1]!}`;
      expect(await askHttp('POST', `/v1/broken/m${query}`, as)).toBe(500);
      expect(await askGrpc('GetLive', as)).toBe(13);
      provider.freeze();
      expect(await askHttp('POST', '/v1/broken/m', { authorization: `Bearer ${token}` })).toBe(503);
      expect(await askGrpc('GetLive', { authorization: `Bearer ${token}` })).toBe(14);
    } finally {
      provider.thaw();
      await edge.close();
      edge = working;
    }
    const said = since(start).map(({ msg }) => msg);
    expect(said.filter((msg) => msg === 'a request failed')).toHaveLength(2);
    expect(said).toContainEqual(expect.stringContaining('identity provider'));
  }, 30_000);

  it('is nowhere in all that was written meanwhile', () => {
    expect(secrets.size).toBeGreaterThan(100);
    let read = output;
    while (unescaped(read) !== read) read = unescaped(read);
    const telling = (line: string) => [...secrets].some((secret) => line.includes(secret));
    for (const text of [output, read]) {
      expect(text.split('\n').filter(telling)).toEqual([]);
      // Nor the beginning of any.
      expect(text).not.toMatch(/gatehouse(-platform)?_[\w-]{15}|eyJ[\w-]{10}/);
    }
  });
});
