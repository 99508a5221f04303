import { EventStoreDBClient } from '@eventstore/db-client';
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { Empty } from '@eventstore/db-client/generated/shared_pb';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb';
import type { CallOptions, Client, Metadata } from '@grpc/grpc-js';
import { Fault, faultOf } from './fault';

type GrpcClient<T> = new (...args: never[]) => T;

/** What the client keeps `protected`: the way its own calls go, with discovery, credentials, TLS and change of leader. */
interface Inside {
  getGRPCClient<T>(kind: GrpcClient<T>, name: string): Promise<T>;
  handleError(client: Client, error: unknown): Promise<void>;
  callArguments(options: { readonly requiresLeader: boolean }, call?: CallOptions): [Metadata, CallOptions];
  dispose(): Promise<void>;
}

/** A deadline would be the server's to keep, and a read may take long: the timeouts are ours. */
const OUR_TIMEOUTS = { deadline: Infinity };

/** What a call is made with. */
export interface Call {
  readonly streams: StreamsClient;
  readonly metadata: Metadata;
  readonly options: CallOptions;
  /** Says that the call failed: the connection is made anew if that is what the error asks for. */
  failed(error: unknown): void;
}

/**
 * The connection of `@eventstore/db-client`, without its calls. Its reads of `$all` cannot filter, and its batch append
 * has one table of pending appends for the whole process, which a late answer makes throw where nobody can catch it.
 */
export class Connection {
  private readonly inside: Inside;

  /** Throws an error that does not repeat the connection string, because there may be a password in it. */
  constructor(connection: string) {
    try {
      // The members exist on the class of this exact version; they are `protected` for the compiler only.
      this.inside = EventStoreDBClient.connectionString(connection) as unknown as Inside;
    } catch {
      throw new Error(
        'the connection string of EventStoreDB cannot be read: it has the form esdb://user:password@host:2113?tls=true, with % escapes in the user and the password',
      );
    }
  }

  /** A way to make one call, once there is a connection. Throws a `Fault` that says that nothing was sent. */
  async call(timeoutMs: number, requiresLeader: boolean): Promise<Call> {
    const streams = await this.ready(StreamsClient, timeoutMs);
    const [metadata, options] = this.inside.callArguments({ requiresLeader }, OUR_TIMEOUTS);
    return {
      streams,
      metadata,
      options,
      failed: (error) => this.failed(streams, error),
    };
  }

  /** What the server says its version is; undefined when it is too old to say. */
  async serverVersion(timeoutMs: number): Promise<string | undefined> {
    const client = await this.ready(ServerFeaturesClient, timeoutMs);
    const [metadata, options] = this.inside.callArguments(
      { requiresLeader: false },
      { deadline: Date.now() + timeoutMs },
    );
    try {
      return await new Promise<string>((resolve, reject) =>
        client.getSupportedMethods(new Empty(), metadata, options, (error, methods) =>
          error ? reject(error) : resolve(methods.getEventStoreServerVersion()),
        ),
      );
    } catch (error) {
      this.failed(client, error);
      const fault = faultOf(error);
      if (fault.kind === 'unsupported') return undefined;
      throw fault;
    }
  }

  /** Ends every call and the connection. */
  async close(): Promise<void> {
    await this.inside.dispose();
    const client = await Promise.race([this.inside.getGRPCClient(StreamsClient, 'close'), after(1_000)]);
    client?.close();
  }

  private async ready<T extends Client>(kind: GrpcClient<T>, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    try {
      // Discovery may take as long as the nodes of the cluster take to answer.
      const client = await Promise.race([this.inside.getGRPCClient(kind, kind.name), after(timeoutMs)]);
      if (client === undefined) throw new Error('no node of the cluster was found in time');
      await connected(client, deadline).catch((error: unknown) => {
        this.failed(client, error);
        throw error;
      });
      return client;
    } catch (error) {
      throw new Fault('not-sent', 'there is no connection', { cause: error });
    }
  }

  private failed(client: Client, error: unknown): void {
    // It throws when an error of the server lacks what it should have; then the connection stays, and the next try sees.
    void Promise.resolve(this.inside.handleError(client, error)).catch(() => undefined);
  }
}

function connected(client: Client, deadline: number): Promise<void> {
  return new Promise((resolve, reject) =>
    client.waitForReady(deadline, (error) => (error ? reject(error) : resolve())),
  );
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
