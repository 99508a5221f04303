import { status } from '@grpc/grpc-js';
import type { Limits } from '@gatehouse/identity';
import { Edge } from '../testing/edge';

const open: Edge[] = [];
const edgeOf = async (quota: Partial<Limits['quota']>) => {
  const limits: Limits = {
    perSecond: { credential: Infinity, tenant: Infinity },
    quota: { models: Infinity, versions: Infinity, bytes: Infinity, ...quota },
  };
  const edge = await Edge.open({ limits });
  open.push(edge);
  return edge;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((edge) => edge.close()));
});

const version = (n: number) => ({ changelog: `the ${n}th`, manifest: { config: { n } } });
/** Registers, when the views know what was before: quotas go by them. */
const register = async (edge: Edge, model: string, n: number, tenant = 'default') => {
  await edge.http('/v1/models', { headers: { 'gatehouse-at-least': await edge.head() } });
  return edge.post(`/v1/models/${model}/versions`, version(n), { 'gatehouse-tenant': tenant });
};

describe('a tenant that has all it may have', () => {
  it('gets no more versions or models: 429 with Retry-After over HTTP, RESOURCE_EXHAUSTED over gRPC', async () => {
    const edge = await edgeOf({ models: 1, versions: 2 });
    expect((await register(edge, 'm', 1)).status).toBe(201);
    const model = await register(edge, 'other', 1);
    expect(model).toMatchObject({ status: 429, body: { code: 'quota-exceeded', what: 'models', limit: 1 } });
    expect(model.headers.get('retry-after')).toBe('3600');
    expect((await register(edge, 'm', 2)).status).toBe(201);
    expect(await register(edge, 'm', 3)).toMatchObject({ status: 429, body: { what: 'versions', limit: 2 } });
    const { code, details } = await edge.rpc(
      'Register',
      { model: 'm', changelog: 'over gRPC', manifest: { config: { stringValue: 'four' } } },
      { 'gatehouse-actor': 'ci' },
    );
    expect([code, details?.reason, details?.retryAfterMs]).toEqual([
      status.RESOURCE_EXHAUSTED,
      'quota-exceeded',
      3_600_000,
    ]);
  });

  it('is told what it has already, and leaves room to others', async () => {
    const edge = await edgeOf({ versions: 1 });
    await register(edge, 'm', 1);
    expect(await register(edge, 'm', 1)).toMatchObject({ status: 200, body: { changed: false } });
    expect((await register(edge, 'm', 2)).status).toBe(429);
    expect((await register(edge, 'm', 1, 'other')).status).toBe(201);
  });

  it('can still roll back, approve and promote', async () => {
    const edge = await edgeOf({ bytes: 20_000 });
    await edge.promoted('m', 2);
    const filler = { changelog: 'large', manifest: { config: { filler: 'x'.repeat(30_000) } } };
    expect(await edge.post('/v1/models/m/versions', filler)).toMatchObject({
      status: 429,
      body: { code: 'quota-exceeded', what: 'bytes' },
    });
    const back = await edge.post('/v1/models/m/rollback', { from: 2, reason: 'error-rate' });
    expect(back).toMatchObject({ status: 200, body: { live: { current: { version: 1 } } } });
  });
});
