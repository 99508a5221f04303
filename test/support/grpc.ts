import { join } from 'node:path';
import { credentials, loadPackageDefinition, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { type Call, callHeaders } from './http';

const PROTO = join(__dirname, '../../libs/contracts/gatehouse.proto');

type Unary = (
  request: object,
  metadata: Metadata,
  done: (error: ServiceError | null, answer?: unknown) => void,
) => void;
type RegistryClient = { close(): void } & { readonly [method: string]: Unary };
type Constructor = new (
  address: string,
  creds: ReturnType<typeof credentials.createInsecure>,
) => RegistryClient;

export type GrpcAnswer<T> =
  | { readonly ok: true; readonly body: T }
  | { readonly ok: false; readonly grpc: number; readonly code: string | null };

/** A client of the gRPC door, on a connection of its own. */
export class GrpcClient {
  private readonly client: RegistryClient;

  constructor(private readonly address: string) {
    const definition = loadSync(PROTO, {
      longs: String,
      enums: String,
      defaults: false,
      oneofs: true,
      includeDirs: [join(PROTO, '..')],
    });
    const loaded = loadPackageDefinition(definition) as unknown as {
      gatehouse: { v1: { Registry: Constructor } };
    };
    this.client = new loaded.gatehouse.v1.Registry(address, credentials.createInsecure());
  }

  /** One call; an answer that is not a success comes with our code, or null where the library answered by itself. */
  async call<T>(method: string, request: object, call: Call = {}): Promise<GrpcAnswer<T>> {
    const metadata = new Metadata();
    // A service that is gone makes no keys either.
    const headers = await callHeaders(this.address, call).catch(() => null);
    if (headers === null) return { ok: false, grpc: status.UNAVAILABLE, code: null };
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return new Promise((resolve) => {
      this.client[method]!(request, metadata, (error, answer) => {
        if (error === null) resolve({ ok: true, body: answer as T });
        else resolve({ ok: false, grpc: error.code, code: reasonOf(error) });
      });
    });
  }

  close(): void {
    this.client.close();
  }
}

/** JSON as a `google.protobuf.Struct`. */
export function struct(json: { readonly [key: string]: unknown }): object {
  return { fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, valueOf(value)])) };
}

function valueOf(value: unknown): object {
  if (value === null) return { nullValue: 'NULL_VALUE' };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  return { structValue: struct(value as { [key: string]: unknown }) };
}

/** `reason` of the `google.rpc.ErrorInfo` in the details of a `google.rpc.Status`. */
function reasonOf(error: ServiceError): string | null {
  const status = error.metadata?.get('grpc-status-details-bin')[0];
  if (status === undefined) return null;
  for (const any of fields(Buffer.from(status), 3)) {
    const [type, info] = [fields(any, 1)[0], fields(any, 2)[0]];
    if (type?.toString().endsWith('google.rpc.ErrorInfo') && info !== undefined)
      return fields(info, 1)[0]?.toString() ?? null;
  }
  return null;
}

/** The length-delimited fields of a protobuf message that have this number. */
function fields(message: Buffer, number: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < message.length;) {
    const [tag, afterTag] = varint(message, at);
    const [value, afterValue] = varint(message, afterTag);
    const end = (tag & 7) === 2 ? afterValue + value : afterValue;
    if (tag >> 3 === number && (tag & 7) === 2) found.push(message.subarray(afterValue, end));
    at = end;
  }
  return found;
}

function varint(message: Buffer, at: number): [value: number, after: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}
