import {
  type Client,
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  status,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { canonicalJson, checkJson, parseJson } from '@gatehouse/canonical';
import {
  fromStruct,
  fromValue,
  LOADER_OPTIONS,
  type ProtoStruct,
  type ProtoValue,
  protoFiles,
  toStruct,
  toValue,
} from './index';

type Call = { request: { manifest?: { config?: ProtoValue } } };
type Reply = (error: null, response: object) => void;
type Sent = { config: unknown; data: unknown };

let server: Server;
let client: Client &
  Record<'Register', (request: object, done: (error: Error | null, answer?: object) => void) => void>;
/** What the server made of the last config. */
let arrived: unknown;

// A real door: the service takes a config (a Value) and sends it back in an event (a Struct).
beforeAll(async () => {
  const loaded = loadPackageDefinition(loadSync(protoFiles().gatehouse, LOADER_OPTIONS)) as unknown as {
    gatehouse: { v1: { Registry: ServiceClientConstructor } };
  };
  const { Registry } = loaded.gatehouse.v1;
  server = new Server();
  server.addService(Registry.service, {
    Register: ({ request }: Call, reply: Reply) => {
      arrived = request.manifest?.config && fromValue(request.manifest.config);
      reply(null, { event: { data: toStruct({ config: arrived }) } });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  client = new Registry(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as typeof client;
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

function send(config: ProtoValue): Promise<Sent> {
  return new Promise((resolve, reject) => {
    client.Register({ manifest: { config } }, (error, answer) => {
      if (error) return reject(error);
      const { data } = (answer as { event: { data: ProtoStruct } }).event;
      resolve({ config: arrived, data: fromStruct(data)['config'] });
    });
  });
}

/** `[[…1…]]` */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
}

describe('JSON over gRPC', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['an empty object', {}],
    ['an empty array', []],
    ['an empty string', ''],
    ['0', 0],
    ['false', false],
    ['empties inside', { a: null, b: '', c: [], d: {}, e: [null, '', [], {}] }],
    ['lists in lists', [[[]], [[1], [[2, [3]]]]]],
    ['1e21', 1e21],
    ['the smallest and the largest', [5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0.1]],
    ['unicode', { ключ: '😀 \u2028 é' }],
    ['16 levels', nested(16)],
    ['names that look like ours', { kind: 'structValue', structValue: { fields: {} }, nullValue: 0 }],
  ])('%s comes back as it was sent', async (_, json) => {
    expect(await send(toValue(json))).toEqual({ config: json, data: json });
  });

  test('any JSON that the HTTP door takes comes back with the same canonical bytes', async () => {
    const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => checkJson(value) === undefined);
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const { config, data } = await send(toValue(value));
        expect(canonicalJson(config)).toBe(canonicalJson(value));
        expect(data).toEqual(config);
        expect(config).toEqual(parseJson(JSON.stringify(value)));
      }),
      { numRuns: 200 },
    );
  });

  test('-0 arrives as 0, as it does over HTTP', async () => {
    expect(Object.is((await send({ numberValue: -0 })).config, 0)).toBe(true);
  });

  test.each([NaN, Infinity, -Infinity])('%p arrives so that checkJson refuses it', async (number) => {
    await send({ structValue: { fields: { a: { numberValue: number } } } });
    expect(checkJson({ manifest: { config: arrived } })?.pointer).toBe('/manifest/config/a');
  });

  test('a member named __proto__ sets no prototype, and arrives so that checkJson refuses it', async () => {
    const fields = JSON.parse(
      '{"__proto__":{"structValue":{"fields":{"polluted":{"boolValue":true}}}}}',
    ) as Record<string, ProtoValue>;
    await send({ structValue: { fields } });
    expect((arrived as { polluted?: boolean }).polluted).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(checkJson(arrived)?.pointer).toBe('/__proto__');
  });

  test('a Value without a kind is null', async () => {
    expect((await send({ listValue: { values: [{}] } })).config).toEqual([null]);
  });

  test('40 levels arrive, for checkJson to refuse', async () => {
    await send(toValue(nested(40)));
    expect(checkJson(arrived)?.message).toMatch(/deeper than 16/);
  });

  test('100 levels are refused by the library, and the service lives on', async () => {
    expect(fromValue(toValue(nested(100)))).toEqual(nested(100));
    await expect(send(toValue(nested(100)))).rejects.toThrow(/nesting depth/);
    // Another client may have no such limit: the same bytes, made by hand.
    const raw = client as unknown as {
      makeUnaryRequest(
        path: string,
        from: (x: Buffer) => Buffer,
        to: (x: Buffer) => Buffer,
        message: Buffer,
        done: (error: Error | null) => void,
      ): void;
    };
    const refused = new Promise((resolve) =>
      raw.makeUnaryRequest(
        '/gatehouse.v1.Registry/Register',
        (x) => x,
        (x) => x,
        deepBytes(100),
        resolve,
      ),
    );
    expect(await refused).toMatchObject({ code: status.INTERNAL });
    expect((await send(toValue(1))).config).toBe(1);
  });

  test('what is not JSON is a TypeError, and an undefined member is absent', () => {
    expect(() => toValue(1n)).toThrow(TypeError);
    expect(toStruct({ a: undefined, b: 1 })).toEqual({ fields: { b: { numberValue: 1 } } });
  });
});

/** The bytes of a RegisterRequest whose config nests this deep. */
function deepBytes(levels: number): Buffer {
  const wrap = (field: number, inside: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(inside.length)]), inside]);
  let value: Buffer = Buffer.alloc(0);
  // Value.list_value = 6, ListValue.values = 1, Manifest.config = 3, RegisterRequest.manifest = 5
  for (let i = 0; i < levels; i += 1) value = wrap(6, wrap(1, value));
  return wrap(5, wrap(3, value));
}

function varint(number: number): number[] {
  return number < 128 ? [number] : [(number & 127) | 128, ...varint(number >> 7)];
}
