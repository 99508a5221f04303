import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { readStatusDetails } from '@gatehouse/contracts';
import { connect } from 'node:net';
import { Edge } from './testing/edge';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const VERSIONS = '/v1/models/m/versions';
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const registration = (config: string) => `{"changelog":"x","manifest":{"config":${config}}}`;

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open();
  await edge.promoted('m', 1);
});
afterAll(() => edge.close());

type Case = readonly [what: string, path: string, init: RequestInit, status: number, code: string];
const post = (body: string | Buffer, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: new Uint8Array(Buffer.from(body)),
  headers: { 'content-type': 'application/json', 'gatehouse-actor': 'ci', ...headers },
});
const get = (headers: Record<string, string> = {}): RequestInit => ({ headers });

const BODIES: Case[] = [
  ['no body', VERSIONS, { method: 'POST', headers: { 'gatehouse-actor': 'ci' } }, 400, 'invalid'],
  ['an empty body', VERSIONS, post(''), 400, 'invalid'],
  ['not JSON', VERSIONS, post('{'), 400, 'invalid'],
  ['JSON and more', VERSIONS, post('{} {}'), 400, 'invalid'],
  ['null', VERSIONS, post('null'), 400, 'invalid'],
  ['null where every member may be absent', `${VERSIONS}/1/promotion`, post('null'), 400, 'invalid'],
  ['an array', VERSIONS, post('[]'), 400, 'invalid'],
  ['a number', VERSIONS, post('1'), 400, 'invalid'],
  ['a duplicate key', VERSIONS, post('{"changelog":"a","changelog":"b"}'), 400, 'invalid'],
  ['__proto__', VERSIONS, post('{"__proto__":{"admin":true}}'), 400, 'invalid'],
  ['__proto__ in free JSON', VERSIONS, post(registration('{"__proto__":1}')), 400, 'invalid'],
  ['constructor', VERSIONS, post('{"constructor":{"prototype":{}}}'), 400, 'invalid'],
  ['toString', VERSIONS, post('{"toString":1}'), 400, 'invalid'],
  ['then', VERSIONS, post('{"then":1}'), 400, 'invalid'],
  [
    'an unknown field',
    VERSIONS,
    post('{"changelog":"x","manifest":{"config":{"a":1}},"foo":1}'),
    400,
    'invalid',
  ],
  ['[] for an object', VERSIONS, post('{"changelog":"x","manifest":[]}'), 400, 'invalid'],
  ['a string for an object', VERSIONS, post('{"changelog":"x","manifest":"m"}'), 400, 'invalid'],
  [
    'an object for a string',
    VERSIONS,
    post('{"changelog":{},"manifest":{"config":{"a":1}}}'),
    400,
    'invalid',
  ],
  [
    'an object for an array',
    VERSIONS,
    post('{"changelog":"x","manifest":{"artifacts":{"0":1}}}'),
    400,
    'invalid',
  ],
  [
    'an object with a length for an array',
    VERSIONS,
    post('{"changelog":"x","manifest":{"artifacts":{"length":1e9}}}'),
    400,
    'invalid',
  ],
  ['null in an array', VERSIONS, post('{"changelog":"x","manifest":{"artifacts":[null]}}'), 400, 'invalid'],
  ['an array in an array', VERSIONS, post('{"changelog":"x","manifest":{"artifacts":[[]]}}'), 400, 'invalid'],
  ['NUL', VERSIONS, post(registration('"a\\u0000b"')), 400, 'invalid'],
  ['a raw control character', VERSIONS, post(registration('"a\u0001b"')), 400, 'invalid'],
  ['a lone surrogate', VERSIONS, post(registration('"\\ud800"')), 400, 'invalid'],
  [
    'bytes that are not UTF-8',
    VERSIONS,
    post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    400,
    'invalid',
  ],
  ['a byte order mark', VERSIONS, post('\ufeff{}'), 400, 'invalid'],
  ['1e400', VERSIONS, post(registration('1e400')), 400, 'invalid'],
  ['an integer beyond 2^53', VERSIONS, post(registration('9007199254740993')), 400, 'invalid'],
  ['NaN', VERSIONS, post(registration('NaN')), 400, 'invalid'],
  ['depth 17', VERSIONS, post(registration(deep(15))), 400, 'invalid'],
  ['depth 100,000', VERSIONS, post(registration(deep(100_000))), 400, 'invalid'],
  ['a body over the limit', VERSIONS, post(registration(`"${'x'.repeat(300 * 1024)}"`)), 413, 'too-large'],
  [
    'an artifact without a digest',
    VERSIONS,
    post('{"changelog":"x","manifest":{"artifacts":[{"name":"w","uri":"u"}]}}'),
    400,
    'invalid',
  ],
  ['nothing in the manifest', VERSIONS, post('{"changelog":"x","manifest":{}}'), 400, 'invalid'],
  ['1,001 metrics', `${VERSIONS}/1/evaluations`, post(metrics(1_001)), 400, 'too-many'],
  ['no metric', `${VERSIONS}/1/evaluations`, post(metrics(0)), 400, 'invalid'],
  [
    '[] for metrics',
    `${VERSIONS}/1/evaluations`,
    post('{"suite":"s","dataset":{"name":"d"},"metrics":[]}'),
    400,
    'invalid',
  ],
  [
    'a metric that is text',
    `${VERSIONS}/1/evaluations`,
    post('{"suite":"s","dataset":{"name":"d"},"metrics":{"f1":"0.9"}}'),
    400,
    'invalid',
  ],
  ['text as JSON', VERSIONS, post('{}', { 'content-type': 'text/plain' }), 415, 'media-type-unsupported'],
  ['no media type', VERSIONS, post('{}', { 'content-type': '' }), 415, 'media-type-unsupported'],
  ['a broken media type', VERSIONS, post('{}', { 'content-type': ';;;' }), 415, 'media-type-unsupported'],
  [
    'a form',
    VERSIONS,
    post('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
    'media-type-unsupported',
  ],
  [
    'latin-1',
    VERSIONS,
    post('{}', { 'content-type': 'application/json; charset=latin1' }),
    415,
    'media-type-unsupported',
  ],
  ['gzip', VERSIONS, post('{}', { 'content-encoding': 'gzip' }), 415, 'media-type-unsupported'],
];

const PATHS: Case[] = [
  ['a name in upper case', '/v1/models/M/live', get(), 400, 'invalid'],
  ['a name with a slash', '/v1/models/a%2Fb/live', get(), 400, 'invalid'],
  ['a name with NUL', '/v1/models/a%00/live', get(), 400, 'invalid'],
  ['dots', '/v1/models/%2e%2e/live', get(), 404, 'not-found'],
  ['half a percent sign', '/v1/models/%/live', get(), 400, 'invalid'],
  ['a broken encoding', '/v1/models/%ff/live', get(), 400, 'invalid'],
  ['an overlong encoding', '/v1/models/%c0%af/live', get(), 400, 'invalid'],
  ['a name of 129', `/v1/models/${'a'.repeat(129)}/live`, get(), 400, 'invalid'],
  ['a name of 5,000', `/v1/models/${'a'.repeat(5_000)}/live`, get(), 404, 'not-found'],
  ['an empty name', '/v1/models//live', get(), 404, 'not-found'],
  ['two slashes', '/v1//models', get(), 404, 'not-found'],
  ['a slash at the end', '/v1/models/', get(), 404, 'not-found'],
  ['__proto__ as a model', '/v1/models/__proto__/live', get(), 400, 'invalid'],
  ['constructor as a model', '/v1/models/constructor/live', get(), 404, 'model-unknown'],
  ['a label for a number', `${VERSIONS}/x/promotion`, post('{}'), 400, 'invalid'],
  ['version 0', `${VERSIONS}/0/promotion`, post('{}'), 400, 'invalid'],
  ['version 1e1', `${VERSIONS}/1e1/promotion`, post('{}'), 400, 'invalid'],
  ['version -1', `${VERSIONS}/-1/promotion`, post('{}'), 400, 'invalid'],
  ['a version far too high', `${VERSIONS}/99999999999999999999/promotion`, post('{}'), 400, 'invalid'],
  ['a version there is not', `${VERSIONS}/4503599627370497`, get(), 404, 'version-unknown'],
  ['a digest there is not', `${VERSIONS}/${DIGEST}`, get(), 404, 'version-unknown'],
  ['latest', `${VERSIONS}/latest`, get(), 409, 'floating-alias'],
  ['a label', `${VERSIONS}/1.0`, get(), 409, 'floating-alias'],
  ['a path there is not', '/v2/models', get(), 404, 'not-found'],
  ['a method a path does not take', '/v1/models', { method: 'DELETE' }, 405, 'method-not-allowed'],
  [
    'PUT',
    `${VERSIONS}/1`,
    { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } },
    405,
    'method-not-allowed',
  ],
  [
    'PUT with a body that is not JSON',
    `${VERSIONS}/1`,
    { method: 'PUT', body: '{', headers: { 'content-type': 'application/json' } },
    405,
    'method-not-allowed',
  ],
];

const QUERIES: Case[] = [
  ['an unknown parameter', '/v1/models?limt=1', get(), 400, 'invalid'],
  ['a parameter on the look-up', '/v1/models/m/live?a=1', get(), 400, 'invalid'],
  ['a duplicate parameter', '/v1/models?limit=1&limit=2', get(), 400, 'invalid'],
  ['limit 0', '/v1/models?limit=0', get(), 400, 'invalid'],
  ['limit 501', '/v1/models?limit=501', get(), 400, 'invalid'],
  ['limit 1e1', '/v1/models?limit=1e1', get(), 400, 'invalid'],
  ['limit with nothing', '/v1/models?limit=', get(), 400, 'invalid'],
  ['__proto__', '/v1/models?__proto__=1', get(), 400, 'invalid'],
  ['__proto__.x', '/v1/models?__proto__[x]=1', get(), 400, 'invalid'],
  ['hasOwnProperty', '/v1/models?hasOwnProperty=1', get(), 400, 'invalid'],
  ['text that is not UTF-8', '/v1/models?q=%ff', get(), 400, 'invalid'],
  ['half a surrogate pair', `${VERSIONS}?q=%ED%A0%80`, get(), 400, 'invalid'],
  ['half a percent sign', '/v1/models?q=100%', get(), 400, 'invalid'],
  ['a name that is not UTF-8', `${VERSIONS}?q=a&%ff=1`, get(), 400, 'invalid'],
  ['an overlong encoding', '/v1/log?%c0%af', get(), 400, 'invalid'],
  ['text that is not UTF-8 at a path there is not', '/v2/models?q=%ff', get(), 404, 'not-found'],
  ['a forged cursor', '/v1/models?after=abc', get(), 400, 'cursor-invalid'],
  ['a cursor that is no base64', '/v1/models?after=%21%21', get(), 400, 'cursor-invalid'],
  ['an empty cursor', '/v1/models?after=', get(), 400, 'cursor-invalid'],
  ['a day for an instant', '/v1/models/m/live?at=2026-03-01', get(), 400, 'invalid'],
  ['an instant without offset', '/v1/models/m/live?at=2026-03-01T00:00:00', get(), 400, 'invalid'],
  ['a day that is none', '/v1/models/m/live?at=2026-02-30T00:00:00Z', get(), 400, 'invalid'],
  ['an instant to come', '/v1/models/m/live?at=2999-01-01T00:00:00Z', get(), 400, 'invalid'],
  ['before the model', '/v1/models/m/live?at=1999-01-01T00:00:00Z', get(), 404, 'model-unknown'],
  ['a condition that is none', `${VERSIONS}?metric=f1`, get(), 400, 'invalid'],
  ['21 conditions', `${VERSIONS}?${'metric=f1>1&'.repeat(21)}`, get(), 400, 'invalid'],
  ['a stage there is not', `${VERSIONS}?stage=LIVE`, get(), 400, 'invalid'],
  ['a position that is none', '/v1/events?after=-1', get(), 400, 'invalid'],
  ['a position beyond 2^63', '/v1/events?after=99999999999999999999', get(), 400, 'invalid'],
];

const HEADERS: Case[] = [
  ['a credential that is none', '/v1/models', get({ authorization: 'Bearer x' }), 401, 'credential-invalid'],
  ['another scheme', '/v1/models', get({ authorization: 'Basic YTpi' }), 401, 'credential-invalid'],
  ['an empty credential', '/v1/models', get({ authorization: '' }), 401, 'actor-missing'],
  ['two credentials', '/v1/models', get({ authorization: 'Bearer a, Bearer b' }), 401, 'credential-invalid'],
  [
    'a write without an actor',
    VERSIONS,
    { ...post('{}'), headers: { 'content-type': 'application/json' } },
    401,
    'actor-missing',
  ],
  ['Accept: text/html', '/v1/models', get({ accept: 'text/html' }), 406, 'not-acceptable'],
  ['Accept with q=0', '/v1/models', get({ accept: 'application/json;q=0' }), 406, 'not-acceptable'],
  ['Accept: rubbish', '/v1/models', get({ accept: ';;,,/' }), 406, 'not-acceptable'],
  ['a position that is none', '/v1/models', get({ 'gatehouse-at-least': 'soon' }), 400, 'invalid'],
  ['a position still to come', '/v1/models', get({ 'gatehouse-at-least': '999999' }), 503, 'view-behind'],
  [
    'an If-Match that is none',
    `${VERSIONS}/1/promotion`,
    post('{}', { 'if-match': 'W/"x"' }),
    400,
    'invalid',
  ],
  ['an empty idempotency key', VERSIONS, post('{}', { 'idempotency-key': '' }), 400, 'invalid'],
  [
    'a Last-Event-ID that is none',
    '/v1/events',
    get({ accept: 'text/event-stream', 'last-event-id': 'x' }),
    400,
    'invalid',
  ],
];

function metrics(count: number): string {
  const values = Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, n]));
  return JSON.stringify({ suite: 's', dataset: { name: 'd' }, metrics: values });
}

describe('what a client should not have sent is refused as a problem, with what is wrong', () => {
  describe.each([
    ['bodies', BODIES],
    ['paths', PATHS],
    ['queries', QUERIES],
    ['headers', HEADERS],
  ])('%s', (_, cases) => {
    it.each(cases)('%s', async (_what, path, init, status, code) => {
      const answer = await edge.http(path, init);
      expect({ status: answer.status, code: answer.body['code'], text: answer.text }).toEqual({
        status,
        code,
        text: answer.text,
      });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.body['instance']).toBe(answer.headers.get('x-request-id'));
      if (code === 'invalid') expect((answer.body['errors'] as object[]).length).toBeGreaterThan(0);
    });
  });
});

describe('bytes that are not a request are answered as a problem', () => {
  it.each([
    ['rubbish', 'rubbish\r\n\r\n', 400, 'invalid'],
    ['a method there is not', 'FOO /v1/models HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'invalid'],
    ['HTTP/9', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400, 'invalid'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nrubbish\r\n\r\n', 400, 'invalid'],
    [
      '20 KiB of headers',
      `GET / HTTP/1.1\r\nHost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    [
      'two lengths',
      'POST /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
      400,
      'invalid',
    ],
    [
      'length and chunks',
      'POST /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'invalid',
    ],
    [
      'a chunk that is none',
      'POST /v1/models/m/versions HTTP/1.1\r\nHost: a\r\nAuthorization: KEY\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
      'invalid',
    ],
  ])('%s', async (_what, bytes, status, code) => {
    const { authorization } = await edge.as();
    const answer = await edge.raw(bytes.replace('KEY', authorization));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('Content-Type: application/problem+json');
    expect(answer).toContain(`"code":"${code}"`);
  });

  it.each([
    ['an absolute target', 'GET http://evil.example/v1/models HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no host', 'GET /v1/models HTTP/1.1\r\n\r\n'],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an upgrade', 'GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['an expectation', 'GET /v1/models HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n'],
    ['TRACE', 'TRACE /v1/models HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'raw bytes in the path',
      Buffer.from([...Buffer.from('GET /v1/'), 0xff, 0xfe, ...Buffer.from(' HTTP/1.1\r\nHost: a\r\n\r\n')]),
    ],
    ['twenty at once', 'GET /v1/models/m/live HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20)],
  ])('%s is never a 500', async (_what, bytes) => {
    const answer = await edge.raw(bytes);
    expect(answer).toMatch(/^HTTP\/1.1 [234]/);
    expect(answer).not.toMatch(/HTTP\/1.1 5/);
  });
});

it.each([
  ['no host', 'GET /v1/models HTTP/1.1\r\n\r\n', 400],
  ['an expectation', 'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n', 200],
  ['a way out of the docs', 'GET /docs/../package.json HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['an encoded way out of the docs', 'GET /docs/%2e%2e HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ['NUL in the docs', 'GET /docs/%00 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
])('%s is answered in our words, with a request id', async (_what, bytes, status) => {
  const answer = await edge.raw(bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer.toLowerCase()).toContain('x-request-id: ');
  if (status >= 400) expect(answer).toContain('"code":');
});

it('who hangs up in the middle of a body is no fault of ours', async () => {
  const [host, port] = edge.running.http.split(':');
  const head = `POST ${VERSIONS} HTTP/1.1\r\nHost: a\r\ngatehouse-actor: a\r\nContent-Type: application/json\r\n`;
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host);
    socket.write(`${head}Content-Length: 100\r\n\r\n{"a"`, () => setTimeout(() => socket.destroy(), 50));
    socket.on('close', () => setTimeout(resolve, 100));
  });
  const { text } = await edge.http('/metrics');
  expect(text).toContain('gatehouse_refusals_total{code="invalid"}');
  expect(text).not.toContain('gatehouse_refusals_total{code="internal"}');
});

describe('over gRPC', () => {
  it.each([
    ['a byte that starts nothing', [0x61, 0xff]],
    ['another one', [0x61, 0xfe]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
  ])('text with %s is refused: what was put in its place would be another text', async (_what, bytes) => {
    // Register: 1 = model, 3 = changelog, as libs/contracts/gatehouse.proto numbers them.
    const text = (field: number, value: number[]) => [(field << 3) | 2, value.length, ...value];
    const message = Buffer.from([...text(1, [...Buffer.from('m')]), ...text(3, bytes)]);
    const metadata = new Metadata();
    metadata.set('gatehouse-actor', 'a');
    const client = new Client(edge.running.grpc, credentials.createInsecure());
    const failure = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(
        '/gatehouse.v1.Registry/Register',
        (sent: Buffer) => sent,
        (received: Buffer) => received,
        message,
        metadata,
        {},
        (error: ServiceError | null) => resolve(error),
      ),
    );
    client.close();
    expect(failure?.code).toBe(3);
    expect(
      readStatusDetails(failure!.metadata.get('grpc-status-details-bin')[0] as Buffer)?.fieldViolations?.[0]
        ?.description,
    ).toBe('must be UTF-8');
  });

  it.each([
    ['a name in upper case', 'GetLive', { model: 'M' }, {}, 'invalid'],
    ['no name', 'GetLive', {}, {}, 'invalid'],
    ['a name with NUL', 'GetLive', { model: 'a\0' }, {}, 'invalid'],
    ['an instant that is none', 'GetLive', { model: 'm', at: 'now' }, {}, 'invalid'],
    ['limit 0', 'ListModels', { limit: 0 }, {}, 'invalid'],
    ['a forged cursor', 'ListModels', { after: 'abc' }, {}, 'cursor-invalid'],
    ['latest', 'GetVersion', { model: 'm', ref: 'latest' }, {}, 'floating-alias'],
    ['a version there is not', 'GetVersion', { model: 'm', ref: '9' }, {}, 'version-unknown'],
    ['a model there is not', 'GetHistory', { model: 'none' }, {}, 'model-unknown'],
    ['a condition that is none', 'ListVersions', { model: 'm', metric: ['f1'] }, {}, 'invalid'],
    ['a credential that is none', 'ListModels', {}, { authorization: 'Bearer x' }, 'credential-invalid'],
    ['another scheme', 'ListModels', {}, { authorization: 'Basic YTpi' }, 'credential-invalid'],
    ['a position that is none', 'ListModels', {}, { 'gatehouse-at-least': 'soon' }, 'invalid'],
    ['a position still to come', 'ListModels', {}, { 'gatehouse-at-least': '999999' }, 'view-behind'],
    ['a write without an actor', 'Register', {}, {}, 'actor-missing'],
    ['a write with nothing in it', 'Register', {}, { 'gatehouse-actor': 'a' }, 'invalid'],
    [
      'a metric that is NaN',
      'Evaluate',
      { model: 'm', version: 1, suite: 's', dataset: { name: 'd' }, metrics: { f1: NaN } },
      { 'gatehouse-actor': 'a' },
      'invalid',
    ],
    ['version 0', 'Promote', { model: 'm', version: 0 }, { 'gatehouse-actor': 'a' }, 'invalid'],
  ])('%s is refused with its code', async (_what, method, message, metadata, code) => {
    const { details } = await edge.rpc(method, message, metadata);
    expect(details?.reason).toBe(code);
    if (code === 'invalid') expect(details?.fieldViolations?.length).toBeGreaterThan(0);
  });

  it('what is too large keeps the plain status of the library', async () => {
    expect((await edge.rpc('GetLive', { model: 'x'.repeat(300 * 1024) })).code).toBe(8);
  });
});

it('the service is as well as before', async () => {
  expect((await edge.http('/v1/models/m/live')).status).toBe(200);
  expect((await edge.http('/readyz')).status).toBe(200);
});
