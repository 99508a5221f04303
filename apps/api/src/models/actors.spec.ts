import { Edge } from '../testing/edge';

let edge: Edge;
beforeAll(async () => (edge = await Edge.open()));
afterAll(() => edge.close());

const as = (actor: string) => ({
  'content-type': 'application/json',
  // What goes out are the bytes of UTF-8; fetch wants each of them as a character.
  'gatehouse-actor': Buffer.from(actor).toString('latin1'),
});
const post = (path: string, actor: string, body: object) =>
  edge.http(path, { method: 'POST', headers: as(actor), body: JSON.stringify(body) });

it('an actor beyond ASCII is who the body names: nobody approves what they made under their own name', async () => {
  const base = '/v1/models/spelling/versions';
  await post(base, 'ci', { changelog: 'first', author: 'Łukasz', manifest: { config: { a: 1 } } });
  const evaluation = {
    suite: 's',
    dataset: { name: 'd' },
    metrics: { f1: 1 },
    thresholds: { f1: { min: 0 } },
  };
  await post(`${base}/1/evaluations`, 'ci', evaluation);
  const own = await post(`${base}/1/approvals`, 'Łukasz', { decision: 'approve' });
  expect([own.status, own.body['code']]).toEqual([403, 'own-approval']);
  const other = await post(`${base}/1/approvals`, 'Zoë', { decision: 'approve' });
  expect(other.status).toBe(201);
  expect(other.body['event']).toMatchObject({ actor: { id: 'Zoë' } });
});

it('an actor that is no UTF-8 is refused', async () => {
  const headers = { ...as('x'), 'gatehouse-actor': 'caf\xe9' };
  const { status, body } = await edge.http('/v1/models/m/versions', { method: 'POST', headers, body: '{}' });
  expect([status, body['code']]).toEqual([400, 'invalid']);
});
