import { Edge } from '../testing/edge';

// The lists of keys and grants go by pages, over both doors.

let edge: Edge;
let as: { readonly authorization: string };
beforeAll(async () => {
  edge = await Edge.open();
  as = { authorization: `Bearer ${await edge.keys.admin()}` };
});
afterAll(() => edge.close());

type Page = { readonly items: { readonly id: string }[]; readonly next?: string | null };
type Query = { readonly limit: number; readonly after?: string };
type List = (query: Query) => Promise<Page>;

const DOORS: readonly (readonly [string, (list: string) => List])[] = [
  [
    'HTTP',
    (list) => async (query) => {
      const { limit, after } = query;
      const asked = new URLSearchParams({ limit: String(limit), ...(after !== undefined && { after }) });
      return (await edge.http(`/v1/access/${list}?${asked.toString()}`, { headers: as }))
        .body as unknown as Page;
    },
  ],
  [
    'gRPC',
    (list) => async (query) =>
      (await edge.rpc(list === 'keys' ? 'ListKeys' : 'ListGrants', query, as)).message as unknown as Page,
  ],
];

/** The ids of a list in pages of two; `between`: what happens after each. */
async function ids(list: List, between = async (): Promise<void> => {}): Promise<string[]> {
  const seen: string[] = [];
  for (let after: string | undefined; ;) {
    const { items, next } = await list({ limit: 2, ...(after !== undefined && { after }) });
    expect(items.length).toBeLessThanOrEqual(2);
    seen.push(...items.map(({ id }) => id));
    if (next == null) return seen;
    after = next;
    await between();
  }
}

async function made(list: string, body: object): Promise<string> {
  const { status, body: answer } = await edge.post(`/v1/access/${list}`, body, as);
  expect(status).toBe(201);
  return answer['id'] as string;
}
const end = (list: string, id: string) =>
  edge.http(`/v1/access/${list}/${id}`, { method: 'DELETE', headers: as });

it.each(DOORS)('every key is listed once, also one that ended: %s', async (name, door) => {
  const issued: string[] = [];
  for (let n = 0; n < 5; n++)
    issued.push(
      await made('keys', { actor: `of-${name}-${n}`, kind: 'service', roles: [{ role: 'reader' }] }),
    );
  await end('keys', issued[1]!);
  const listed = await ids(door('keys'));
  expect(listed.slice(-5)).toEqual(issued);
  expect(new Set(listed).size).toBe(listed.length);
});

it.each(DOORS)(
  'every grant that stands is listed once, while others are taken back: %s',
  async (name, door) => {
    const granted: string[] = [];
    for (let n = 0; n < 7; n++)
      granted.push(await made('grants', { to: { actor: `of-${name}-${n}` }, role: 'reader' }));
    const goes = [granted[1]!, granted[0]!];
    const listed = await ids(door('grants'), async () => {
      const id = goes.pop();
      if (id !== undefined) await end('grants', id);
    });
    expect(listed.filter((id) => granted.slice(2).includes(id))).toEqual(granted.slice(2));
    expect(new Set(listed).size).toBe(listed.length);
  },
);

it('a cursor is of one list only', async () => {
  const { next } = await DOORS[0]![1]('keys')({ limit: 1 });
  for (const after of [next!, 'forged', `${next!}A`]) {
    const { status, body } = await edge.http(`/v1/access/grants?after=${after}`, { headers: as });
    expect([status, body['code']]).toEqual([400, 'cursor-invalid']);
    expect((await edge.rpc('ListGrants', { after }, as)).details?.reason).toBe('cursor-invalid');
  }
  expect((await edge.http('/v1/access/keys?limit=501', { headers: as })).status).toBe(400);
});
