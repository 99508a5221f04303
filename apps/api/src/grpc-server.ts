import {
  Metadata,
  Server,
  type ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { ServerGrpc } from '@nestjs/microservices';
import type { HealthImplementation } from 'grpc-health-check';
import { isObservable, lastValueFrom } from 'rxjs';
import {
  InvalidRequest,
  openContext,
  stopping,
  type RequestContext,
  type Settings,
  type Stopping,
  type WithContext,
} from '@gatehouse/platform';
import type { Failure } from './grpc-failure';
import { streamTo } from './grpc-stream';
import { Problem } from './problem';
import { wasUtf8 } from './strict-utf8';

type Unary = ServerUnaryCall<object, object> & WithContext;
type Streaming = ServerWritableStream<object, object> & WithContext;
/** What Nest made of a controller's method: guard, pipe, the method itself, filter. */
type Handler = (request: object, metadata: Metadata, call: Unary | Streaming) => Promise<unknown>;
type Reply = (failure: Failure | null, value?: object) => void;

export type GrpcShell = {
  readonly settings: Settings;
  readonly stopping: Stopping;
  readonly health: HealthImplementation;
  readonly protos: PackageDefinition;
  /** Plain, or with a certificate. */
  readonly credentials: ServerCredentials;
  /** What the one filter does with an error, for errors that no filter sees: those of a stream under way. */
  readonly failure: (error: unknown, context: RequestContext) => Failure;
  /** Counts and logs a call that has ended. */
  readonly finished: (path: string, code: number, context: RequestContext) => void;
};

const HOUR_MS = 3_600_000;

/**
 * Nest's gRPC transport with its way of answering replaced (docs/adr/003-grpc-transport.md): promises and async iterables instead of
 * Observables (Nest buffers a stream without bound for a slow reader), initial metadata, deadlines, and the real port.
 */
export class GrpcServer extends ServerGrpc {
  /** Where it listens, once it does. */
  port = 0;

  constructor(private readonly shell: GrpcShell) {
    super({ package: 'gatehouse.v1', packageDefinition: shell.protos, protoPath: '' });
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const server = new Server(limits(this.shell.settings));
      this.grpcClient = server;
      await this.bindEvents();
      this.shell.health.addToServer(server);
      new ReflectionService(this.shell.protos).addToServer(server);
      this.port = await bound(server, this.shell);
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Lets the calls under way finish. */
  override async close(): Promise<void> {
    const server = this.grpcClient as Server | undefined;
    if (server !== undefined) await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  }

  /** Cuts off the calls that did not finish in time. */
  cut(): void {
    (this.grpcClient as Server | undefined)?.forceShutdown();
  }

  override createUnaryServiceMethod(handler: Handler) {
    return async (call: Unary, reply: Reply): Promise<void> => {
      const context = this.opened(call);
      let failure: Failure | null = null;
      let value: object | undefined;
      try {
        value = await withinDeadline(this.shell.settings.requestTimeoutMs, context, () =>
          this.answer(handler, call),
        );
      } catch (error) {
        failure = this.failure(error, context);
      }
      if (!call.cancelled) call.sendMetadata(context.initial!);
      reply(failure, value);
      this.shell.finished(call.getPath(), failure?.code ?? 0, context);
    };
  }

  override createStreamServiceMethod(handler: Handler) {
    return async (call: Streaming): Promise<void> => {
      const context = this.opened(call);
      let code = 0;
      try {
        const messages = (await this.answer(handler, call)) as AsyncIterable<object>;
        call.sendMetadata(context.initial!);
        await streamTo(call, messages);
        call.end();
      } catch (error) {
        const failure = this.failure(error, context);
        code = failure.code;
        call.emit('error', failure);
      }
      this.shell.finished(call.getPath(), code, context);
    };
  }

  /** Guard, pipe, handler and filter, as Nest composed them. The filter answers with an Observable that throws a `Failure`. */
  private async answer(handler: Handler, call: Unary | Streaming): Promise<object> {
    if (this.shell.stopping.begun) throw stopping();
    if (!wasUtf8(call.request)) throw new InvalidRequest([{ pointer: '', message: 'must be UTF-8' }]);
    const answer: unknown = await handler(call.request, call.metadata, call);
    return (isObservable(answer) ? await lastValueFrom(answer) : answer) as object;
  }

  private opened(call: Unary | Streaming): RequestContext {
    const initial = new Metadata();
    const context = openContext(
      call.metadata.get('x-request-id')[0],
      call.metadata.get('traceparent')[0],
      initial,
    );
    call.gatehouse = context;
    initial.set('x-request-id', context.requestId);
    if (context.traceparent !== undefined) initial.set('traceparent', context.traceparent);
    return context;
  }

  /** A failure that the filter made is passed on; any other error becomes one. */
  private failure(error: unknown, context: RequestContext): Failure {
    const made = error as Partial<Failure> | null;
    if (made?.metadata instanceof Metadata && typeof made.code === 'number') return made as Failure;
    return this.shell.failure(error, context);
  }
}

function limits({ bodyLimitKib }: Settings) {
  return {
    'grpc.max_receive_message_length': bodyLimitKib * 1024,
    'grpc.max_concurrent_streams': 512,
    // MiB for each connection.
    'grpc-node.max_session_memory': 16,
    // Long-lived clients move to other replicas within the hour; streams get a minute to resume elsewhere.
    'grpc.max_connection_age_ms': HOUR_MS,
    'grpc.max_connection_age_grace_ms': 60_000,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
  };
}

function bound(server: Server, { settings, credentials }: GrpcShell): Promise<number> {
  const { host, port } = settings.grpc;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, taken) => (error ? reject(error) : resolve(taken))),
  );
}

/** Whatever comes first. The work is told by `context.signal`, whose reason is what the client is answered. */
async function withinDeadline<T>(ms: number, context: RequestContext, work: () => Promise<T>): Promise<T> {
  const deadline = new AbortController();
  context.signal = deadline.signal;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const problem = new Problem(
        'timeout',
        'The outcome is not known. Send it again with the same idempotency-key.',
      );
      deadline.abort(problem);
      reject(problem);
    }, ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
