import { createServer } from 'node:http';
import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Server,
  ServerCredentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import Database from 'better-sqlite3';
import fastify from 'fastify';

// What the same machine can do at best, without Gatehouse: each in a process of its own, like the service.

const ANSWER = JSON.parse(process.argv[3]!) as object;

/** A JSON reply on bare `node:http`, made anew for each request. */
async function bareHttp(): Promise<string> {
  const server = createServer((_, res) => {
    const body = JSON.stringify(ANSWER);
    res
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A POST that is parsed and, if asked to, inserted in a transaction of its own with `synchronous=FULL`. */
async function fastifyPost(insert: boolean): Promise<string> {
  const db = new Database(join(mkdtempSync(join(tmpdir(), 'gatehouse-baseline-')), 'baseline.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE events (position INTEGER PRIMARY KEY, data TEXT NOT NULL)');
  const statement = db.prepare('INSERT INTO events (data) VALUES (?)');
  const app = fastify();
  app.post('/*', (request, reply) => {
    const position = insert ? statement.run(JSON.stringify(request.body)).lastInsertRowid : 0;
    return reply.code(201).send({ ...ANSWER, position: String(position) });
  });
  return app.listen({ port: 0, host: '127.0.0.1' });
}

/** The same message as ours on bare grpc-js. */
async function bareGrpc(): Promise<string> {
  const proto = join(__dirname, '../libs/contracts/gatehouse.proto');
  const definition = loadSync(proto, { longs: String, defaults: false, includeDirs: [join(proto, '..')] });
  const { gatehouse } = loadPackageDefinition(definition) as unknown as {
    gatehouse: { v1: { Registry: ServiceClientConstructor } };
  };
  const server = new Server();
  server.addService(gatehouse.v1.Registry.service, {
    GetLive: (_: unknown, done: (error: null, answer: object) => void) => done(null, ANSWER),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return `127.0.0.1:${port}`;
}

const baselines = {
  'bare node:http': bareHttp,
  'Fastify POST': () => fastifyPost(false),
  'Fastify POST + SQLite': () => fastifyPost(true),
  'bare grpc-js': bareGrpc,
};
export type BaselineName = keyof typeof baselines;

void baselines[process.argv[2] as BaselineName]().then((address) => process.send!(address));
