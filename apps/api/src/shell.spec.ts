import { credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, Get, Module, Param, Post } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOADER_OPTIONS, protoFiles } from '@gatehouse/contracts';
import { Operation } from '@gatehouse/platform';
import { AccessModule } from './access/access.module';
import { AppModule, EDGE } from './app.module';
import { Edge } from './testing/edge';

const open: Edge[] = [];
const edgeOf = async (...how: Parameters<typeof Edge.open>) => {
  const edge = await Edge.open(...how);
  open.push(edge);
  return edge;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((edge) => edge.close()));
});

/** How many requests of `Slow` were begun, how far its streams were read, and whether they were let go. */
const seen = { begun: 0, messages: 0, released: false };

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 1_000; tries++) await sleep(20);
}

@Controller('v1/slow')
class Slow {
  @Post(':model')
  @Operation('register')
  async write(@Param('model') ms: string): Promise<{ done: true }> {
    seen.begun++;
    await sleep(Number(ms));
    return { done: true };
  }

  @GrpcMethod('Registry', 'GetLive')
  @Operation('read')
  async overGrpc(@Payload() { model }: { model: string }): Promise<{ model: string }> {
    seen.begun++;
    await sleep(Number(model));
    return { model };
  }

  @GrpcMethod('Registry', 'ReplayEvents')
  @Operation('list')
  async *endless(): AsyncGenerator<{ id: string }> {
    seen.messages = 0;
    seen.released = false;
    try {
      for (;;) {
        seen.messages++;
        yield { id: 'x'.repeat(10_000) };
        await new Promise(setImmediate);
      }
    } finally {
      seen.released = true;
    }
  }
}

@Module({ imports: [AccessModule], controllers: [Slow], providers: EDGE })
class SlowModule {}

describe('a request that takes too long', () => {
  it('is answered 408 timeout over HTTP, DEADLINE_EXCEEDED over gRPC', async () => {
    const edge = await edgeOf({ requestTimeoutMs: 150 }, SlowModule);
    const { status: http, body } = await edge.post('/v1/slow/600', {});
    expect([http, body['code']]).toEqual([408, 'timeout']);
    const { code, details } = await edge.rpc('GetLive', { model: '600' });
    expect([code, details?.reason]).toEqual([status.DEADLINE_EXCEEDED, 'timeout']);
  });

  it.each([
    ['nothing', '/v1/models/late/versions', () => 0],
    ['a part of the head', '/v1/models/late/versions', () => 40],
    ['the head', '/v1/models/late/versions', (head: number) => head],
    ['a part of the body', '/v1/models/late/versions', (head: number) => head + 9],
    ['a part of what may take long', '/v1/policies/backtest', (head: number) => head + 9],
  ])(
    'to arrive is answered 408 once, the connection closed, and never done: when %s came in time',
    async (_what, path, upTo) => {
      const edge = await edgeOf({ requestTimeoutMs: 250 });
      const { authorization } = await edge.as();
      const body = '{"changelog":"late","manifest":{"config":{"late":1}}}';
      const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
      const cut = upTo(head.length);
      const [host, port] = edge.running.http.split(':');
      const socket = connect(Number(port), host);
      socket.on('error', () => undefined);
      let answer = '';
      socket.on('data', (chunk) => {
        // The rest comes at the worst moment.
        if (answer === '') socket.write((head + body).slice(cut));
        answer += chunk.toString();
      });
      socket.write((head + body).slice(0, cut));
      await until(() => socket.closed);
      expect(answer).toMatch(/^HTTP\/1.1 408 [^]*"code":"timeout"/);
      expect(answer).toContain('Nothing was recorded: the request did not arrive in time');
      expect(answer).toMatch(/\r\nconnection: close\r\n/i);
      expect(answer.split('HTTP/1.1 ')).toHaveLength(2);
      expect((await edge.http('/v1/models/late/history')).status).toBe(404);
    },
  );

  it('to arrive, after it was answered, is hung up on without another answer', async () => {
    const edge = await edgeOf({ requestTimeoutMs: 250 });
    const head = 'POST /v1/nope HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{';
    expect((await edge.raw(head, 2_000)).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 404']);
  });
});

describe('a stop', () => {
  it('lets what is in flight finish, ends the streams, and refuses what is new', async () => {
    const edge = await Edge.open({}, SlowModule);
    seen.begun = 0;
    const slow = edge.post('/v1/slow/400', {});
    const rpc = edge.rpc('GetLive', { model: '400' });
    await until(() => seen.begun === 2);
    const began = performance.now();
    const stopped = edge.close();
    expect(await slow).toMatchObject({ status: 201, body: { done: true } });
    expect(await rpc).toMatchObject({ code: 0 });
    await stopped;
    expect(performance.now() - began).toBeLessThan(10_000);
    await expect(edge.http('/healthz')).rejects.toThrow();
  });

  it('ends event streams, and tells watchers over gRPC to connect again', async () => {
    const edge = await Edge.open();
    await edge.promoted('m', 1);
    const sse = await fetch(`http://${edge.running.http}/v1/events`, {
      headers: { accept: 'text/event-stream', ...(await edge.as()) },
    });
    let told = 0;
    const watching = (async () => {
      for await (const _ of await edge.stream('WatchLive', { model: 'm' })) told++;
    })();
    await until(() => told > 0);
    await Promise.all([
      expect(watching).rejects.toMatchObject({ code: status.UNAVAILABLE }),
      edge.running.stop(1_000),
    ]);
    expect(await sse.text()).toContain('model.Promoted');
    edge.registry.close();
  });
});

describe('a stream', () => {
  it('costs a slow reader of gRPC a bounded number of messages, and is let go when the reader leaves', async () => {
    const edge = await edgeOf({}, SlowModule);
    // Plain HTTP/2: the client library of grpc-js reads on whatever its user does.
    const session = connectHttp2(`http://${edge.running.grpc}`);
    const call = session.request({
      ':method': 'POST',
      ':path': '/gatehouse.v1.Registry/ReplayEvents',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(await edge.as()),
    });
    call.end(Buffer.alloc(5));
    await until(() => seen.messages > 0);
    let ahead = 0;
    for (let tries = 0; ahead !== seen.messages && tries < 50; tries++) {
      ahead = seen.messages;
      await sleep(300);
    }
    expect(seen.messages).toBe(ahead);
    expect(ahead).toBeLessThan(500);
    session.destroy();
    await until(() => seen.released);
    expect(seen.released).toBe(true);
  });

  it('costs a slow reader of HTTP a bounded part of the log', async () => {
    const edge = await edgeOf();
    const filler = 'x'.repeat(9_000);
    for (let n = 0; n < 300; n++)
      await edge.post('/v1/models/m/versions', {
        changelog: filler,
        manifest: { config: { n, filler: filler.repeat(4) } },
      });
    const [host, port] = edge.running.http.split(':');
    const socket = connect(Number(port), host);
    const { authorization } = await edge.as();
    socket.write(`GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`);
    socket.pause();
    await sleep(300);
    const before = process.memoryUsage().rss;
    await sleep(300);
    expect(process.memoryUsage().rss - before).toBeLessThan(8 * 1024 * 1024);
    let bytes = 0;
    let end = '';
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      end = (end + chunk.toString()).slice(-10);
    });
    socket.resume();
    for (let tries = 0; !end.endsWith('0\r\n\r\n') && tries < 400; tries++) await sleep(25);
    expect(bytes).toBeGreaterThan(300 * 45_000);
    socket.destroy();
  });
});

describe('what watches the process', () => {
  it('finds it alive and ready, with the followers, and scrapes its metrics', async () => {
    const edge = await edgeOf();
    await edge.promoted('m', 1);
    expect((await edge.http('/healthz')).body).toEqual({ status: 'ok' });
    const ready = await edge.http('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body).toMatchObject({
      ready: true,
      followers: [{ name: 'views', state: 'live', lag: '0' }],
    });
    await edge.http('/v1/models/none/live');
    const { text } = await edge.http('/metrics');
    for (const metric of [
      'process_cpu_seconds_total',
      'gatehouse_commands_total{verb="promote",outcome="changed"} 1',
      'gatehouse_refusals_total{code="model-unknown"} 1',
      'gatehouse_requests_total{door="http",route="/v1/models/:model/live",status="404"} 1',
      'gatehouse_follower_lag{follower="views"} 0',
      'gatehouse_store_batches_total',
      'gatehouse_store_queue_depth 0',
    ])
      expect(text).toContain(metric);
  });

  it('finds the health service and reflection over gRPC', async () => {
    const edge = await edgeOf();
    type Ask = (message: object, answer: (error: Error | null, value: object) => void) => void;
    type Client = { check: Ask; close(): void };
    const loaded = loadPackageDefinition(loadSync(protoFiles().health, LOADER_OPTIONS));
    const { Health } = (
      loaded['grpc'] as unknown as { health: { v1: { Health: new (...how: unknown[]) => Client } } }
    ).health.v1;
    const health = new Health(edge.running.grpc, credentials.createInsecure());
    for (const service of ['', 'gatehouse.v1.Registry'])
      expect(await new Promise((resolve) => health.check({ service }, (_, value) => resolve(value)))).toEqual(
        { status: 'SERVING' },
      );
    health.close();
    expect(await listedServices(edge.running.grpc)).toEqual(
      expect.arrayContaining(['gatehouse.v1.Registry', 'grpc.health.v1.Health']),
    );
  });
});

describe('a route that does not say what it lets its caller do', () => {
  @Controller('v1/forgotten')
  class Forgotten {
    @Get()
    all(): string {
      return 'everything';
    }
  }
  @Module({ imports: [AppModule], controllers: [Forgotten] })
  class ForgottenModule {}

  it('does not start', async () => {
    await expect(Edge.open({}, ForgottenModule)).rejects.toThrow(/Forgotten\.all/);
  });
});

/** What reflection lists. */
async function listedServices(address: string): Promise<string[]> {
  const path = require.resolve('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto');
  type Call = {
    write(message: object): void;
    end(): void;
    on(event: 'data', listener: (value: Listed) => void): void;
  };
  type Listed = { listServicesResponse: { service: { name: string }[] } };
  type Client = { ServerReflectionInfo(): Call; close(): void };
  const loaded = loadPackageDefinition(loadSync(path, LOADER_OPTIONS));
  const grpc = loaded['grpc'] as unknown as {
    reflection: { v1: { ServerReflection: new (...how: unknown[]) => Client } };
  };
  const client = new grpc.reflection.v1.ServerReflection(address, credentials.createInsecure());
  const call = client.ServerReflectionInfo();
  const names = new Promise<string[]>((resolve) =>
    call.on('data', ({ listServicesResponse }) =>
      resolve(listServicesResponse.service.map(({ name }) => name)),
    ),
  );
  call.write({ listServices: '' });
  const listed = await names;
  call.end();
  client.close();
  return listed;
}
