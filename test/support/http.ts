import { Agent, request } from 'node:http';
import { ringOf } from './keys';

/** Who calls and how; what is absent is not sent. */
export type Call = {
  readonly actor?: string;
  readonly kind?: 'user' | 'service';
  readonly tenant?: string;
  readonly key?: string;
  readonly ifPointer?: number;
  readonly atLeast?: string;
  readonly requestId?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: unknown;
};

export type Answer<T> = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: T;
};

export type Ref = { version: number; digest: string; label: string | null };
export type Live = {
  model: string;
  revision: number;
  current: Ref | null;
  previous: Ref | null;
  rollbackTarget: Ref | null;
  since: string | null;
};
export type Event = {
  position: string;
  stream: string;
  revision: string;
  id: string;
  type: string;
  model: string;
  version: number;
  time: string;
  correlation: string;
  data: {
    version?: number;
    pointer?: number;
    from?: { version: number };
    to?: { version: number };
    previous?: { version: number };
  };
};
/** What a write answers; of a refusal, the problem's members. */
export type Written = {
  changed: boolean;
  position: string;
  version: Ref & { stage: string };
  live: Live;
  event: Event | null;
} & Problem;
export type Problem = { code?: string; detail?: string; gate?: unknown[]; status?: number };

/** A machine that is busy with other tests is slow; a view that never catches up is a fault. */
const CATCH_UP_MS = 60_000;

/** A client of the HTTP door with connections of its own, kept alive. Rejects when the connection breaks: the outcome is unknown. */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(readonly address: string) {}

  post(path: string, call: Call): Promise<Answer<Written>> {
    return this.send<Written>('POST', path, call);
  }

  get<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    return this.send<T>('GET', path, call);
  }

  /** A read of views that have come to the end of the log as it is now. Waits as long as it is reasonable to wait. */
  async getCaughtUp<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    const { status, body } = await this.get<{ position: string }>('/v1/log', call);
    if (status !== 200) throw new Error(`GET /v1/log: ${status} ${JSON.stringify(body)}`);
    const until = Date.now() + CATCH_UP_MS;
    for (;;) {
      const answer = await this.get<T & Problem>(path, { ...call, atLeast: body.position });
      if (answer.body?.code !== 'view-behind' || Date.now() > until) return answer;
    }
  }

  /** Every event after a position, in the order of the log. */
  async events(after: string, call: Call = {}): Promise<Event[]> {
    const answer = await this.text('GET', `/v1/events?after=${after}`, call);
    if (answer.status !== 200) throw new Error(`GET /v1/events: ${answer.status} ${answer.body}`);
    return answer.body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event]));
  }

  close(): void {
    this.agent.destroy();
  }

  async send<T>(method: string, path: string, call: Call): Promise<Answer<T>> {
    const answer = await this.text(method, path, call);
    return { ...answer, body: (answer.body === '' ? null : JSON.parse(answer.body)) as T };
  }

  private async text(method: string, path: string, call: Call): Promise<Answer<string>> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = await headersOf(this.address, method, call, body);
    return new Promise((resolve, reject) => {
      const req = request(`${this.address}${path}`, { method, agent: this.agent, headers }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('close', () => {
          if (!res.complete) return reject(new Error('the answer broke off'));
          resolve({
            status: res.statusCode!,
            headers: res.headers,
            body: Buffer.concat(chunks).toString(),
          });
        });
      });
      req.on('error', reject);
      req.end(body);
    });
  }
}

/** The call's headers, with the credential of whoever calls at this address; over gRPC the same names are metadata. */
export async function callHeaders(
  address: string,
  call: Call,
  anonymously = false,
): Promise<Record<string, string>> {
  // A process that has started no service has been given a credential instead.
  if (call.headers?.['authorization'] !== undefined) return namedHeaders(call);
  return ringOf(address).translated(namedHeaders(call), anonymously);
}

function namedHeaders(call: Call): Record<string, string> {
  const headers: Record<string, string> = { ...call.headers };
  if (call.tenant !== undefined) headers['gatehouse-tenant'] = call.tenant;
  if (call.actor !== undefined) headers['gatehouse-actor'] = call.actor;
  if (call.kind !== undefined) headers['gatehouse-actor-kind'] = call.kind;
  if (call.key !== undefined) headers['idempotency-key'] = call.key;
  if (call.ifPointer !== undefined) headers['if-match'] = `"${call.ifPointer}"`;
  if (call.atLeast !== undefined) headers['gatehouse-at-least'] = call.atLeast;
  if (call.requestId !== undefined) headers['x-request-id'] = call.requestId;
  return headers;
}

async function headersOf(address: string, method: string, call: Call, body: string | undefined) {
  const headers = await callHeaders(address, call, method !== 'GET');
  if (body === undefined) return headers;
  return {
    ...headers,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  };
}
