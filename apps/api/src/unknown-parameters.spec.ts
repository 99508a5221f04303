import { ROLES } from '@gatehouse/domain';
import { PLATFORM } from '../../../test/support/keys';
import { ROUTES } from './access/testing/operations';
import { Edge } from './testing/edge';

let edge: Edge;
/** Of somebody who may do everything in their tenant. */
let everything: Record<string, string>;
beforeAll(async () => {
  edge = await Edge.open();
  await edge.promoted('m', 2);
  const admin = { authorization: `Bearer ${await edge.keys.admin()}` };
  const roles = ROLES.map((role) => ({ role }));
  const { body } = await edge.post('/v1/access/keys', { actor: 'all', kind: 'user', roles }, admin);
  everything = { authorization: `Bearer ${body['key'] as string}` };
});
afterAll(() => edge.close());

const PARAMETERS: Record<string, string> = { model: 'm', n: '1', ref: '1', policy: 'built-in' };
const NOBODY_KNOWS = { pointer: '/nobody-knows-this', message: 'is not known here' };
const routes = Object.keys(ROUTES)
  .filter((route) => route.includes(' /v1/'))
  .map((route) => route.split(' ') as [method: string, url: string]);

/** What is answered when a parameter that no route knows comes with a request that wants for nothing but a body. */
async function asked(method: string, url: string, headers: Record<string, string>) {
  const path = url.replace(/:(\w+)/g, (_, name: string) => PARAMETERS[name] ?? 'none');
  const body = method === 'POST' ? { body: '{}' } : {};
  const answer = await fetch(`http://${edge.running.http}${path}?nobody-knows-this=1`, {
    method,
    headers: { ...headers, ...(method === 'POST' && { 'content-type': 'application/json' }) },
    ...body,
  });
  const text = await answer.text();
  return {
    status: answer.status,
    ...(text !== '' && (JSON.parse(text) as { code: string; errors?: object[] })),
  };
}

describe('a parameter that a route does not know', () => {
  it.each(routes)('is refused by %s %s', async (method, url) => {
    const platform = { authorization: `Bearer ${PLATFORM.key}` };
    const headers = url.startsWith('/v1/tenants') ? platform : everything;
    const { status, code, errors } = await asked(method, url, headers);
    expect({ status, code }).toEqual({ status: 400, code: 'invalid' });
    expect(errors).toContainEqual(NOBODY_KNOWS);
    if (method === 'GET') expect((await asked('HEAD', url, headers)).status).toBe(400);
  });

  it.each(routes.filter(([, url]) => url !== '/v1/policy.schema.json'))(
    'tells a stranger nothing at %s %s',
    async (method, url) => {
      expect((await asked(method, url, {})).code).toBe('actor-missing');
    },
  );
});

it.each([
  ['rollback', { from: '2', reason: 'latency' }],
  ['versions/1/deprecation', { sunset: '2999-01-01' }],
  ['versions/1/evaluations', { suite: 's', dataset: { name: 'd' }, metrics: { f1: 0.1 } }],
])('what was meant to be a dry run of %s is not carried out', async (what, body) => {
  const before = await edge.head();
  const as = { 'gatehouse-actor': 'bob', 'gatehouse-actor-kind': 'user' };
  const { status, body: problem } = await edge.post(`/v1/models/m/${what}?dryRun=true`, body, as);
  expect([status, problem['errors']]).toEqual([400, [{ pointer: '/dryRun', message: 'is not known here' }]]);
  expect(await edge.head()).toBe(before);
});

it('what is live now is no answer to what was live at an instant', async () => {
  const { status } = await edge.http('/v1/models/m/active_version.json?at=2000-01-01T00:00:00Z');
  expect(status).toBe(400);
});
