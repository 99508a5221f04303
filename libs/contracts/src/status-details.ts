import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { LOADER_OPTIONS, protoFiles } from './proto-files';

/** One field of the request that is wrong: its JSON pointer, and what is wrong. */
export type FieldViolation = { readonly field: string; readonly description: string };

/** A refusal as it travels over gRPC. */
export type StatusDetails = {
  /** A gRPC status code. */
  readonly code: number;
  readonly message: string;
  /** The problem's code. */
  readonly reason: string;
  readonly metadata?: { readonly [name: string]: string };
  readonly fieldViolations?: readonly FieldViolation[];
  readonly retryAfterMs?: number;
};

const DOMAIN = 'gatehouse';
// Many clients take 8 KiB of headers and trailers in all and drop the connection above that.
const TRAILER_BYTES = 4096;
const TYPE = 'type.googleapis.com/google.rpc.';

// protobufjs brings its own google.protobuf.Any, with the name as it is in the .proto.
type Packed = { type_url: string; value?: Buffer };
type Duration = { seconds?: string; nanos?: number };
type Messages = {
  Status: { code?: number; message?: string; details?: Packed[] };
  ErrorInfo: { reason?: string; domain?: string; metadata?: { [name: string]: string } };
  BadRequest: { fieldViolations?: { field?: string; description?: string }[] };
  RetryInfo: { retryDelay?: Duration };
};
type Codec<T> = { serialize(message: T): Buffer; deserialize(bytes: Buffer): T };
type Codecs = { [Name in keyof Messages]: Codec<Messages[Name]> };

let loaded: Codecs | undefined;

function codecs(): Codecs {
  if (loaded === undefined) {
    const { status, errorDetails } = protoFiles();
    const types = loadSync([status, errorDetails], { ...LOADER_OPTIONS, bytes: Buffer });
    const codec = <T>(name: string): Codec<T> =>
      types[`google.rpc.${name}`] as MessageTypeDefinition<object, object> & Codec<T>;
    loaded = {
      Status: codec('Status'),
      ErrorInfo: codec('ErrorInfo'),
      BadRequest: codec('BadRequest'),
      RetryInfo: codec('RetryInfo'),
    };
  }
  return loaded;
}

/**
 * The bytes of the trailer `grpc-status-details-bin`: google.rpc.Status with an ErrorInfo of domain "gatehouse", and a BadRequest
 * and a RetryInfo where there is something to say. At most 4 KiB, as clients drop longer trailers: the code always gets
 * through; what does not fit of metadata and then of field violations is left out.
 */
export function statusDetails(details: StatusDetails): Buffer {
  const { Status, ErrorInfo, BadRequest, RetryInfo } = codecs();
  const { code, reason, retryAfterMs } = details;
  const status: Required<Messages['Status']> = {
    code,
    message: details.message.slice(0, 500).replace(/\p{Surrogate}/gu, ''),
    details: [],
  };
  const pack = (name: string, value: Buffer): void =>
    void status.details.push({ type_url: TYPE + name, value });
  const left = (): number => TRAILER_BYTES - Status.serialize(status).length - 100;

  const metadata = Object.fromEntries(
    whatFits(Object.entries(details.metadata ?? {}), left() - reason.length, pairBytes),
  );
  pack('ErrorInfo', ErrorInfo.serialize({ reason, domain: DOMAIN, metadata }));
  if (retryAfterMs !== undefined)
    pack('RetryInfo', RetryInfo.serialize({ retryDelay: durationOf(retryAfterMs) }));
  const all = (details.fieldViolations ?? []).map(({ field, description }) => ({ field, description }));
  const fieldViolations = whatFits(all, left(), ({ field, description }) => pairBytes([field, description]));
  if (fieldViolations.length > 0) pack('BadRequest', BadRequest.serialize({ fieldViolations }));
  return Status.serialize(status);
}

/** What `statusDetails` wrote, or undefined when the bytes hold no ErrorInfo of ours. Throws when they are no Status at all. */
export function readStatusDetails(bytes: Buffer): StatusDetails | undefined {
  const { Status, ErrorInfo, BadRequest, RetryInfo } = codecs();
  const status = Status.deserialize(bytes);
  const unpack = <T>(name: string, codec: Codec<T>): T | undefined => {
    const packed = status.details?.find(({ type_url }) => type_url === TYPE + name);
    return packed && codec.deserialize(packed.value ?? Buffer.alloc(0));
  };
  const info = unpack('ErrorInfo', ErrorInfo);
  if (info?.domain !== DOMAIN) return undefined;
  const delay = unpack('RetryInfo', RetryInfo)?.retryDelay;
  const violations = unpack('BadRequest', BadRequest)?.fieldViolations;
  return {
    code: status.code ?? 0,
    message: status.message ?? '',
    reason: info.reason ?? '',
    ...(info.metadata && { metadata: info.metadata }),
    ...(violations && {
      fieldViolations: violations.map(({ field = '', description = '' }) => ({ field, description })),
    }),
    ...(delay && { retryAfterMs: Number(delay.seconds ?? 0) * 1000 + (delay.nanos ?? 0) / 1e6 }),
  };
}

function durationOf(ms: number): Duration {
  return { seconds: String(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1e6) };
}

/** In order, without those that do not fit. */
function whatFits<T>(items: readonly T[], bytes: number, size: (item: T) => number): T[] {
  let left = bytes;
  return items.filter((item) => {
    const fits = size(item) <= left;
    if (fits) left -= size(item);
    return fits;
  });
}

/** Two strings in a message, each with its tag and length. */
function pairBytes([a, b]: readonly [string, string]): number {
  return Buffer.byteLength(a) + Buffer.byteLength(b) + 12;
}
