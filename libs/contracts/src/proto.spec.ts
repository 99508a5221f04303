import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { LOADER_OPTIONS, protoFiles } from './index';

const ROOT = join(__dirname, '..', '..', '..');
const UNARY = [
  'Register',
  'Evaluate',
  'Approve',
  'Promote',
  'RollBack',
  'Deprecate',
  'ReviewBreakGlass',
  'GetGates',
  'TryPromotion',
  'ListBreakGlass',
  'GetLive',
  'GetVersion',
  'ListModels',
  'ListVersions',
  'GetHistory',
];
const STREAMS = ['WatchLive', 'ReplayEvents'];

type Field = { name: string; type: string; label: string; proto3Optional?: boolean };
type Image = { file: { messageType?: { name: string; field?: Field[] }[] }[] };

const registry = loadSync(protoFiles().gatehouse, LOADER_OPTIONS)[
  'gatehouse.v1.Registry'
] as ServiceDefinition;

/** What the other side reads when this is sent as a request. */
function received(rpc: string, request: object): unknown {
  const method = registry[rpc];
  if (method === undefined) throw new Error(`there is no ${rpc}`);
  return method.requestDeserialize(method.requestSerialize(request));
}

/** What the client reads when this is answered. */
function answered(rpc: string, response: object): unknown {
  const method = registry[rpc];
  if (method === undefined) throw new Error(`there is no ${rpc}`);
  return method.responseDeserialize(method.responseSerialize(response));
}

describe('gatehouse.proto', () => {
  test('has every RPC of api.md, and no other', () => {
    expect(Object.keys(registry).sort()).toEqual([...UNARY, ...STREAMS].sort());
    expect(registry['Register']?.path).toBe('/gatehouse.v1.Registry/Register');
  });

  test('streams answers where api.md says so, and requests nowhere', () => {
    const streaming = Object.keys(registry).filter((name) => registry[name]?.responseStream);
    expect(streaming.sort()).toEqual([...STREAMS].sort());
    expect(Object.values(registry).some(({ requestStream }) => requestStream)).toBe(false);
  });

  test.each([...UNARY, ...STREAMS])(
    'an empty %s request stays empty: what is absent is not 0 or ""',
    (rpc) => {
      expect(received(rpc, {})).toEqual({});
    },
  );

  test.each<[string, object]>([
    ['Register', { model: '', label: '', changelog: '', author: '', manifest: { parent: 0, run: '' } }],
    [
      'Evaluate',
      {
        version: 0,
        suite: '',
        dataset: { size: 0 },
        metrics: { f1: 0 },
        thresholds: { f1: { min: 0, maxRegression: 0 } },
      },
    ],
    ['Approve', { version: 0, decision: '', comment: '', digest: '', evaluated: '' }],
    ['RollBack', { from: '', reason: '', to: 0 }],
    ['Deprecate', { sunset: '', successor: 0 }],
    ['GetLive', { model: '', at: '' }],
    ['ListVersions', { limit: 0, q: '', metric: [''] }],
    ['WatchLive', { model: '', afterRevision: 0 }],
    ['ReplayEvents', { after: '', follow: false, model: '', type: '' }],
  ])('%s: 0, false and "" arrive as they were sent', (rpc, request) => {
    expect(received(rpc, request)).toEqual(request);
  });

  test('whole numbers up to 2^53 - 1 are JS numbers and arrive exactly', () => {
    const request = {
      manifest: { artifacts: [{ bytes: Number.MAX_SAFE_INTEGER }], datasets: [{ size: 2 ** 40 }] },
    };
    expect(received('Register', request)).toEqual(request);
  });

  test('the pointer is as api.md writes it: revision a number, positions strings', () => {
    const live = {
      model: 'fraud-detector',
      revision: 7,
      current: { version: 4, digest: 'sha256:00', label: '3.7.1' },
      rollbackTarget: { version: 3, digest: 'sha256:01' },
      since: '2026-03-01T11:40:02.001Z',
      by: { id: 'bob', kind: 'user' },
      why: { event: 'model.Promoted', position: '1040', note: 'x' },
    };
    expect(answered('GetLive', live)).toEqual(live);
  });

  test('null in an answer is absent on the wire', () => {
    const live = {
      model: 'm',
      revision: 1,
      current: null,
      since: null,
      by: null,
      why: { event: 'e', position: '1', reason: null },
    };
    expect(answered('GetLive', live)).toEqual({
      model: 'm',
      revision: 1,
      why: { event: 'e', position: '1' },
    });
  });

  test('a metric named __proto__ sets no prototype', () => {
    const { metrics } = received('Evaluate', { metrics: JSON.parse('{"__proto__":1}') as object }) as {
      metrics: object;
    };
    expect(Object.getPrototypeOf(metrics)).toBe(Object.prototype);
    expect(Object.hasOwn(metrics, '__proto__')).toBe(true);
  });
});

describe('proto files', () => {
  test('are there, and every one loads', () => {
    for (const file of Object.values(protoFiles())) expect(existsSync(file)).toBe(true);
    const { health } = protoFiles();
    expect(Object.keys(loadPackageDefinition(loadSync(health, LOADER_OPTIONS)))).toEqual(['grpc']);
  });

  // The rest of the folder is the tools': `buf` reads its well-known types from itself, so this needs no network.
  const buf = (...args: string[]): void =>
    void execFileSync(join(ROOT, 'node_modules', '.bin', 'buf'), args, { cwd: ROOT, stdio: 'pipe' });

  const image = (): Image =>
    JSON.parse(
      execFileSync(
        join(ROOT, 'node_modules', '.bin', 'buf'),
        ['build', '-o', '-#format=json', '--path', 'libs/contracts/gatehouse.proto'],
        { cwd: ROOT, encoding: 'utf8' },
      ),
    ) as Image;

  test('say of every scalar in a request that it may be absent, so that a client in any language can leave it out', () => {
    const inRequests = /Request$|^(Manifest|Artifact|Code|ManifestDataset|Framework|Dataset|Bound|Report)$/;
    const scalars = image().file.flatMap(({ messageType = [] }) =>
      messageType
        .filter(({ name }) => inRequests.test(name))
        .flatMap(({ name, field = [] }) => field.map((one) => ({ ...one, name: `${name}.${one.name}` })))
        .filter(({ type, label }) => type !== 'TYPE_MESSAGE' && label !== 'LABEL_REPEATED'),
    );
    expect(scalars.length).toBeGreaterThan(50);
    expect(scalars.filter(({ proto3Optional }) => proto3Optional !== true)).toEqual([]);
  });

  test('pass buf lint', () => {
    expect(() => buf('lint')).not.toThrow();
  });

  test('are what the generated types were made from', () => {
    const out = mkdtempSync(join(tmpdir(), 'gatehouse-generated-'));
    try {
      buf('generate', '--output', out);
      const [fresh, kept] = [out, ROOT].map((at) =>
        readFileSync(join(at, 'libs/contracts/src/generated/gatehouse.ts'), 'utf8'),
      );
      expect(fresh).toBe(kept);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});
