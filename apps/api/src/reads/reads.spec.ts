import { setTimeout as sleep } from 'node:timers/promises';
import { Edge, type Answer } from '../testing/edge';

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
  await edge.promoted('m', 3);
  await edge.promoted('other', 1, 'acme');
});
afterAll(() => edge.close());

const items = ({ body }: Answer) => body['items'] as Record<string, unknown>[];
const LIVE = '/v1/models/m/live';

describe('the live look-up', () => {
  it('says what is live, what was, and where a rollback would go, alike on both doors', async () => {
    const { body, headers, status } = await edge.http(LIVE);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: 'm',
      revision: 3,
      current: { version: 3, label: '3.0' },
      previous: { version: 2 },
      rollbackTarget: { version: 2 },
      by: { id: 'bob', kind: 'user' },
      why: { event: 'model.Promoted', note: 'go 3', reason: null },
    });
    expect(headers.get('etag')).toBe('"3"');
    expect(headers.get('gatehouse-position')).toMatch(/^\d+$/);
    const { message, initial } = await edge.rpc('GetLive', { model: 'm' });
    expect(message).toEqual(JSON.parse(JSON.stringify(body, (_, value: unknown) => value ?? undefined)));
    expect(initial.get('etag')).toEqual(['"3"']);
  });

  it.each(['"3"', 'W/"3"', '"1", W/"3"', '*', ' "3" '])(
    'is 304 without a body for If-None-Match: %s',
    async (tag) => {
      const { status, text, headers } = await edge.http(LIVE, { headers: { 'if-none-match': tag } });
      expect([status, text, headers.get('etag')]).toEqual([304, '', '"3"']);
    },
  );

  it.each(['"2"', '3', 'W/"33"', ''])('is 200 for If-None-Match: %s', async (tag) => {
    expect((await edge.http(LIVE, { headers: { 'if-none-match': tag } })).status).toBe(200);
  });

  it('says what was live at an instant, inclusive, in any offset', async () => {
    const [newest, , oldest] = items(await edge.http(`${LIVE}/history`));
    const at = (instant: string) => edge.http(`${LIVE}?at=${instant}`);
    expect((await at(oldest!['at'] as string)).body).toMatchObject({ revision: 1, current: { version: 1 } });
    expect((await at(newest!['at'] as string)).body).toEqual((await edge.http(LIVE)).body);
    const local = new Date(Date.parse(oldest!['at'] as string) + 3_600_000)
      .toISOString()
      .replace('Z', '+01:00');
    expect((await at(local)).body).toMatchObject({ revision: 1 });
    expect((await edge.rpc('GetLive', { model: 'm', at: oldest!['at'] })).message).toMatchObject({
      revision: 1,
    });
  });

  it('is the same through the shortcut and through the controller, for every caller', async () => {
    // With a position that is reached already, the question is not plain: the controller answers it.
    const slow = { 'gatehouse-at-least': '0' };
    const callers: Record<string, string>[] = [
      {},
      { 'gatehouse-tenant': 'acme' },
      { authorization: 'Bearer none' },
    ];
    for (const caller of callers)
      for (const model of ['m', 'other', 'none', 'NONE'])
        for (const more of [{}, { 'if-none-match': '"3"' }] as Record<string, string>[]) {
          const headers = { 'x-request-id': 'same', ...caller, ...more };
          const [short, long] = await Promise.all([
            edge.http(`/v1/models/${model}/live`, { headers }),
            edge.http(`/v1/models/${model}/live`, { headers: { ...headers, ...slow } }),
          ]);
          const seen = ({ status, text, headers }: Answer) => ({
            status,
            text,
            headers: Object.fromEntries([...headers].filter(([name]) => name !== 'date')),
          });
          expect(seen(short)).toEqual(seen(long));
        }
  });

  it('knows nothing of another tenant', async () => {
    expect((await edge.http('/v1/models/other/live')).body['code']).toBe('model-unknown');
    expect(
      (await edge.http('/v1/models/other/live', { headers: { 'gatehouse-tenant': 'acme' } })).status,
    ).toBe(200);
    expect(items(await edge.http('/v1/models')).map(({ model }) => model)).toEqual(['m']);
    expect((await edge.http('/v1/events')).text).not.toContain('other');
  });

  it('answers HEAD with the headers alone, and OPTIONS with what the path takes', async () => {
    const head = await edge.http(LIVE, { method: 'HEAD' });
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', '"3"']);
    const options = await edge.http(LIVE, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it('echoes a sane request id and traceparent, and makes an id otherwise', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { headers } = await edge.http(LIVE, { headers: { 'x-request-id': 'my-id', traceparent: trace } });
    expect([headers.get('x-request-id'), headers.get('traceparent')]).toEqual(['my-id', trace]);
    const made = await edge.http(LIVE, { headers: { 'x-request-id': 'a b', traceparent: 'rubbish' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers.get('traceparent')).toBeNull();
    expect(
      (await edge.rpc('GetLive', { model: 'm' }, { 'x-request-id': 'mine' })).initial.get('x-request-id'),
    ).toEqual(['mine']);
  });
});

describe('active_version.json', () => {
  it('holds the digests that a deployment needs', async () => {
    const live = (await edge.http(LIVE)).body as {
      current: { digest: string };
      previous: { digest: string };
      since: string;
    };
    const { body, headers } = await edge.http('/v1/models/m/active_version.json');
    expect(body).toEqual({
      model: 'm',
      current: live.current.digest,
      previous: live.previous.digest,
      rollbackTarget: live.previous.digest,
      currentVersion: 3,
      previousVersion: 2,
      revision: 3,
      since: live.since,
    });
    expect(headers.get('etag')).toBe('"3"');
  });
});

describe('a version', () => {
  it('is found by number and by digest, alike on both doors', async () => {
    const byNumber = await edge.http('/v1/models/m/versions/2');
    const digest = byNumber.body['digest'] as string;
    expect(byNumber.body).toMatchObject({
      version: 2,
      stage: 'PROD',
      manifest: { config: { n: 2 } },
      promotion: { note: 'go 2', evidence: { registered: expect.any(String) as string } },
    });
    expect((await edge.http(`/v1/models/m/versions/${digest}`)).body).toEqual(byNumber.body);
    const { message } = await edge.rpc('GetVersion', { model: 'm', ref: '2' });
    expect(message).toMatchObject({
      version: 2,
      digest,
      stage: 'PROD',
      changelog: 'the 2.',
      evaluationCount: 1,
      position: byNumber.body['position'],
    });
    expect(message!['evaluations']).toMatchObject([
      {
        suite: 's',
        metrics: { f1: 0.9 },
        passed: true,
        gate: [{ verdict: 'pass', required: { numberValue: 0.8 } }],
      },
    ]);
  });

  it('is not found by a floating name, which is answered with the digest to pin', async () => {
    const { digest } = (await edge.http(LIVE)).body['current'] as { digest: string };
    for (const name of ['latest', 'prod-latest', '3.0']) {
      const { status, body } = await edge.http(`/v1/models/m/versions/${name}`);
      expect([status, body['code'], body['pin']]).toEqual([409, 'floating-alias', digest]);
    }
    const { details } = await edge.rpc('GetVersion', { model: 'm', ref: 'latest' });
    expect(JSON.parse(details!.metadata!['pin']!)).toBe(digest);
  });
});

describe('lists', () => {
  it.each([
    ['versions, newest first', '/v1/models/m/versions', 'ListVersions', 'version', [3, 2, 1]],
    ['history, oldest first', '/v1/models/m/history', 'GetHistory', 'type', expect.any(Array)],
  ])('%s: pages join without a gap, over both doors', async (_, path, rpc, member, expected) => {
    const all = items(await edge.http(`${path}?limit=500`)).map((item) => item[member]);
    expect(all).toEqual(expected);
    for (const page of [
      async (after?: string) => (await edge.http(`${path}?limit=1${after ? `&after=${after}` : ''}`)).body,
      async (after?: string) => (await edge.rpc(rpc, { model: 'm', limit: 1, after })).message!,
    ]) {
      const walked: unknown[] = [];
      let after: string | undefined;
      do {
        const { items, next } = (await page(after)) as {
          items: Record<string, unknown>[];
          next?: string | null;
        };
        walked.push(...items.map((item) => item[member]));
        after = next ?? undefined;
      } while (after !== undefined);
      expect(walked).toEqual(all);
    }
  });

  it('a cursor is good for its own question and its own tenant only', async () => {
    const { next } = (await edge.http('/v1/models/m/versions?limit=1')).body as { next: string };
    expect((await edge.http(`/v1/models/m/versions?limit=1&after=${next}`)).status).toBe(200);
    const misused = [
      `/v1/models/m/versions?stage=PROD&after=${next}`,
      `/v1/models/m/history?after=${next}`,
      `/v1/models?after=${next}`,
    ];
    for (const path of misused) expect((await edge.http(path)).body['code']).toBe('cursor-invalid');
    const stolen = await edge.http(`/v1/models/m/versions?limit=1&after=${next}`, {
      headers: { 'gatehouse-tenant': 'acme' },
    });
    expect(stolen.body['code']).toBe('cursor-invalid');
    const forged = `${next.slice(0, -1)}${next.endsWith('A') ? 'B' : 'A'}`;
    expect((await edge.http(`/v1/models/m/versions?limit=1&after=${forged}`)).body['code']).toBe(
      'cursor-invalid',
    );
  });

  it('of versions are narrowed by stage, label, registrar, text and metrics', async () => {
    const found = async (query: string) =>
      items(await edge.http(`/v1/models/m/versions?${query}`)).map(({ version }) => version);
    expect(await found('stage=PROD')).toEqual([3, 2, 1]);
    expect(await found('stage=DEV')).toEqual([]);
    expect(await found('label=2.0')).toEqual([2]);
    expect(await found('by=ci&q=THE+1')).toEqual([1]);
    expect(await found('metric=f1>=0.9&metric=f1<1')).toEqual([3, 2, 1]);
    expect(await found('metric=f1>0.9')).toEqual([]);
  });

  it('of models carry what is live', async () => {
    expect(items(await edge.http('/v1/models?q=M'))).toMatchObject([
      { model: 'm', versions: 3, current: { version: 3 } },
    ]);
    expect((await edge.rpc('ListModels', { q: 'm' })).message).toMatchObject({
      items: [{ model: 'm', versions: 3, current: { version: 3 } }],
    });
  });
});

describe('events', () => {
  it('come as lines of JSON in the order of the log, to its end, and the same over gRPC', async () => {
    const { text, headers } = await edge.http('/v1/events');
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(12);
    expect(lines).toEqual(items(await edge.http('/v1/models/m/history')));
    const replayed = [];
    for await (const event of await edge.stream('ReplayEvents', {})) replayed.push(event['position']);
    expect(replayed).toEqual(lines.map(({ position }) => position));
  });

  it('go on where the reader says, narrowed to a model and a type', async () => {
    const [, second] = (await edge.http('/v1/events')).text
      .split('\n')
      .map((line) => (line ? (JSON.parse(line) as { position: string }) : undefined));
    const rest = (await edge.http(`/v1/events?after=${second!.position}&type=model.Promoted&model=m`)).text;
    expect(
      rest
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { type: string }).type),
    ).toEqual(Array(3).fill('model.Promoted'));
    expect((await edge.http(`/v1/events?after=${await edge.head()}`)).text).toBe('');
  });

  it.each([
    ['/v1/events', 'application/x-ndjson'],
    ['/v1/events', 'text/event-stream'],
    [LIVE, 'text/event-stream'],
  ])('answer HEAD %s as %s with the headers of GET, and no length', async (path, type) => {
    const asked = { method: 'HEAD', headers: { accept: type } };
    const { status, headers } = await edge.http(path, asked);
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([200, type, null]);
    expect((await edge.http('/v1/log')).status).toBe(200);
  });

  it('go on and on as an event stream that resumes after Last-Event-ID', async () => {
    const head = await edge.head();
    const reader = await listen('/v1/events', { 'last-event-id': String(Number(head) - 1) });
    await edge.post('/v1/models/m/versions', { changelog: 'one more', manifest: { config: { n: 'sse' } } });
    await reader.until((text) => text.includes('one more'));
    expect([...reader.text().matchAll(/^id: (\d+)$/gm)].some(([, id]) => Number(id) > Number(head))).toBe(
      true,
    );
    await reader.leave();
  });
});

describe('watching the pointer', () => {
  it('tells it at once, then every move, over both doors', async () => {
    await edge.promoted('watched', 1);
    const sse = await listen('/v1/models/watched/live');
    const told: Record<string, unknown>[] = [];
    const call = await edge.stream('WatchLive', { model: 'watched' });
    const reading = (async () => {
      for await (const message of call) told.push(message);
    })().catch(() => undefined);
    const { logId } = (await edge.http('/v1/log')).body;
    await sse.until((text) => text.includes('id: 1\n') && text.includes(`"logId":"${String(logId)}"`));
    const later = await listen('/v1/models/watched/live', { 'last-event-id': '99' });
    await later.until((text) => text.includes(`event: log\ndata: {"logId":"${String(logId)}"}`));
    await later.leave();
    await until(() => told.length === 1);
    expect(told[0]).toMatchObject({
      logId: (await edge.http('/v1/log')).body['logId'],
      live: { revision: 1 },
    });
    await edge.post(
      '/v1/models/watched/rollback',
      { from: 1, to: 0, reason: 'drift' },
      { 'gatehouse-actor': 'bob' },
    );
    await sse.until((text) => text.includes('id: 2\n'));
    await until(() => told.length === 2);
    expect(told[1]).toMatchObject({
      live: { revision: 2, why: { event: 'model.RolledBack', reason: 'drift' } },
    });
    expect(told[1]).not.toHaveProperty('logId');
    call.cancel();
    await reading;
    await sse.leave();
  });

  it('tells nothing that the reader has already', async () => {
    const sse = await listen('/v1/models/watched/live', { 'last-event-id': '2' });
    await sse.until((text) => text.startsWith(': '));
    await sleep(100);
    expect(sse.text()).not.toContain('id: ');
    await sse.leave();
  });

  it('of a model that there is not is refused before it begins', async () => {
    expect(
      (await edge.http('/v1/models/none/live', { headers: { accept: 'text/event-stream' } })).status,
    ).toBe(404);
    const call = await edge.stream('WatchLive', { model: 'none' });
    await expect(
      (async () => {
        for await (const _ of call);
      })(),
    ).rejects.toMatchObject({ code: 5 });
  });
});

describe('Gatehouse-At-Least', () => {
  it('answers at once where the views are, and says view-behind with Retry-After where they do not get in 2 s', async () => {
    const at = (position: string) => edge.http(LIVE, { headers: { 'gatehouse-at-least': position } });
    expect((await at(await edge.head())).status).toBe(200);
    const behind = await at('999999');
    expect([behind.status, behind.body['code'], behind.headers.get('retry-after')]).toEqual([
      503,
      'view-behind',
      '1',
    ]);
  });
});

/** An event stream that is being read. */
async function listen(path: string, headers: Record<string, string> = {}) {
  const left = new AbortController();
  const response = await fetch(`http://${edge.running.http}${path}`, {
    headers: { accept: 'text/event-stream', ...(await edge.as()), ...headers },
    signal: left.signal,
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk as Uint8Array).toString();
  })().catch(() => undefined);
  return {
    text: () => text,
    until: (seen: (text: string) => boolean) => until(() => seen(text)),
    leave: async () => {
      left.abort();
      await reading;
    },
  };
}

async function until(seen: () => boolean): Promise<void> {
  for (let tries = 0; !seen(); tries++) {
    if (tries > 800) throw new Error('it did not happen within 20 s');
    await sleep(25);
  }
}
