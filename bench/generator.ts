import { connect, type Socket } from 'node:net';
import { GrpcClient } from '../test/support/grpc';
import type { Call } from '../test/support/http';

// The load generator: a process of its own, so that it shares no event loop with what it measures. HTTP is spoken
// over bare sockets, one request at a time on each kept-alive connection: a full client would be the bottleneck.

export type HttpPlan = {
  readonly kind: 'http';
  readonly address: string;
  readonly method: 'GET' | 'POST';
  /** Taken in turn. */
  readonly paths: readonly string[];
  readonly headers?: { readonly [name: string]: string };
  /** `{n}` in the body or a header becomes another number for every request. */
  readonly body?: string;
};
export type GrpcPlan = {
  readonly kind: 'grpc';
  readonly address: string;
  readonly method: string;
  readonly requests: readonly object[];
  readonly call?: Call;
};
export type Job = { readonly plan: HttpPlan | GrpcPlan; readonly clients: number; readonly seconds: number };
/** `answers`: those that count; `all`: with those of the warm-up. */
export type Measured = {
  perSecond: number;
  p50: number;
  p99: number;
  answers: number;
  all: number;
  failures: number;
};

/** Sends one request and resolves when it is answered, with whether it was a success. */
type Sender = { send(n: number): Promise<boolean>; close(): void };

const WARM_UP = 0.15;

async function measure({ plan, clients, seconds }: Job): Promise<Measured> {
  const senders = await Promise.all(
    Array.from({ length: clients }, () => (plan.kind === 'http' ? httpSender(plan) : grpcSender(plan))),
  );
  const latencies: number[] = [];
  let failures = 0;
  let all = 0;
  let n = Date.now() * 1_000;
  const began = performance.now();
  const from = began + seconds * 1_000 * WARM_UP;
  const until = began + seconds * 1_000 * (1 + WARM_UP);
  await Promise.all(
    senders.map(async (sender) => {
      for (let sent = performance.now(); sent < until;) {
        const ok = await sender.send(n++);
        const now = performance.now();
        all += 1;
        if (!ok) failures += 1;
        else if (sent >= from) latencies.push(now - sent);
        sent = now;
      }
      sender.close();
    }),
  );
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return {
    perSecond: latencies.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    answers: latencies.length,
    all,
    failures,
  };
}

async function httpSender(plan: HttpPlan): Promise<Sender> {
  const { hostname, port } = new URL(plan.address);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const answers = answersOf(socket);
  return {
    send: (n) => {
      socket.write(requestText(plan, n));
      return answers();
    },
    close: () => socket.destroy(),
  };
}

function requestText({ method, paths, headers = {}, body }: HttpPlan, n: number): string {
  const number = String(n);
  const sent = body?.replaceAll('{n}', number);
  let text = `${method} ${paths[n % paths.length]} HTTP/1.1\r\nhost: bench\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]!.replace('{n}', number)}\r\n`;
  if (sent !== undefined)
    text += `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(sent)}\r\n`;
  return `${text}\r\n${sent ?? ''}`;
}

/** The answers on a connection, one by one: true for a status below 300. Needs content-length, which everything measured here sends. */
function answersOf(socket: Socket): () => Promise<boolean> {
  let waiting: ((ok: boolean) => void) | undefined;
  let buffered = '';
  let missing = 0;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    buffered += text;
    if (missing === 0) {
      const end = buffered.indexOf('\r\n\r\n');
      if (end < 0) return;
      missing = end + 4 + Number(/content-length: (\d+)/i.exec(buffered.slice(0, end))?.[1] ?? 0);
    }
    if (buffered.length < missing) return;
    const ok = buffered.charCodeAt(9) === 50; // HTTP/1.1 2xx
    if (!ok && process.env['BENCH_SHOW_FAILURES']) console.error(buffered);
    buffered = buffered.slice(missing);
    missing = 0;
    waiting?.(ok);
  });
  socket.on('error', () => waiting?.(false));
  return () => new Promise((resolve) => (waiting = resolve));
}

async function grpcSender({ address, method, requests, call }: GrpcPlan): Promise<Sender> {
  const client = new GrpcClient(address);
  return {
    send: async (n) => (await client.call(method, requests[n % requests.length]!, call)).ok,
    close: () => client.close(),
  };
}

process.on('message', (job: Job) => {
  void measure(job).then((measured) => process.send!(measured));
});
