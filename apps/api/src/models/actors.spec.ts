import { Edge } from '../testing/edge';

let edge: Edge;
beforeAll(async () => (edge = await Edge.open()));
afterAll(() => edge.close());

const post = async (path: string, actor: string, body: object) =>
  edge.post(path, body, await edge.as({ actor }));

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
