import { credentials } from '@grpc/grpc-js';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions } from 'node:tls';
import { readCertificate } from '@gatehouse/platform';
import { Edge } from './testing/edge';

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'));
const live = { cert: join(folder, 'live.crt'), key: join(folder, 'live.key') };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate for 127.0.0.1, signed by itself, as two files. */
function made(name: string): { cert: string; key: string } {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const what = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const who = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...what, ...who, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
  return files;
}

const one = made('one');
const two = made('two');
const three = made('three');
const authorities = [one, two, three].map(({ cert }) => readFileSync(cert));

/** As certificate managers do it: the new file takes the place of the old in one step. */
function put(from: string, to: string): void {
  cpSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

/** Whose certificate a door shows in a new handshake, over which protocols. */
function handshake(address: string, more: ConnectionOptions = {}): Promise<string> {
  const port = Number(address.split(':')[1]);
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, ca: authorities, ALPNProtocols: ['h2', 'http/1.1'], ...more },
      () => {
        resolve(`${String(socket.getPeerCertificate().subject.CN)} ${socket.alpnProtocol || 'no protocol'}`);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

/** One that would still speak TLS 1.0, if anybody did. */
const OLD_CLIENT = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;

function get(edge: Edge, path: string, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`https://${edge.running.http}${path}`, { ca: authorities, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    });
    sent.on('error', reject).end();
  });
}

describe('doors with a certificate', () => {
  let edge: Edge;
  beforeAll(async () => {
    put(one.cert, live.cert);
    put(one.key, live.key);
    edge = await Edge.open({ tls: live }, undefined, credentials.createSsl(Buffer.concat(authorities)));
  });
  afterAll(() => edge.close());

  const shown = async () => [await handshake(edge.running.http), await handshake(edge.running.grpc)];
  const shownWithin = async (expected: string, ms: number) => {
    const until = Date.now() + ms;
    const wanted = [`${expected} http/1.1`, `${expected} h2`];
    for (;;) {
      const now = await shown();
      if (String(now) === String(wanted) || Date.now() > until) return expect(now).toEqual(wanted);
      await sleep(50);
    }
  };

  it('answer over TLS', async () => {
    expect(edge.running.tls).toBe(true);
    expect(await shown()).toEqual(['one http/1.1', 'one h2']);
    expect(await get(edge, '/healthz')).toBe(200);
    expect(await edge.rpc('GetLive', { model: 'none' })).toMatchObject({
      details: { reason: expect.any(String) as string },
    });
  });

  it('answer nothing in plain text, and take no TLS older than 1.2', async () => {
    for (const address of [edge.running.http, edge.running.grpc]) {
      expect(await plain(address)).not.toContain('200');
      await expect(handshake(address, OLD_CLIENT)).rejects.toThrow();
      await expect(handshake(address, { ca: [] })).rejects.toThrow(/self-signed/);
    }
  });

  it('take a new certificate from the files within seconds, while connections that are open go on', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authorities });
    expect(await get(edge, '/healthz', agent)).toBe(200);
    const before = await edge.rpc('GetLive', { model: 'none' });
    put(two.cert, live.cert);
    put(two.key, live.key);
    await shownWithin('two', 15_000);
    expect(await get(edge, '/healthz', agent)).toBe(200);
    expect((await edge.rpc('GetLive', { model: 'none' })).code).toBe(before.code);
    agent.destroy();
  });

  it('keep what they have while the files do not fit, and take the new one when they do', async () => {
    put(three.cert, live.cert);
    await sleep(2_500);
    expect(await shown()).toEqual(['two http/1.1', 'two h2']);
    rmSync(live.key);
    await sleep(2_500);
    expect(await shown()).toEqual(['two http/1.1', 'two h2']);
    put(three.key, live.key);
    await shownWithin('three', 15_000);
  });

  it('follow links that are pointed elsewhere, as in a volume of Kubernetes', async () => {
    for (const [part, file] of Object.entries(live)) {
      symlinkSync(one[part as keyof typeof one], `${file}.new`);
      renameSync(`${file}.new`, file);
    }
    await shownWithin('one', 15_000);
  });
});

describe('a certificate that cannot be used', () => {
  it('is refused by the names of the settings, without a word of what is in the files', () => {
    expect(() => readCertificate({ cert: one.cert, key: two.key })).toThrow(
      /^GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY cannot be used: .*mismatch/,
    );
    expect(() => readCertificate({ cert: one.key, key: one.key })).toThrow(/cannot be used/);
  });

  it('keeps the service from starting', async () => {
    await expect(Edge.open({ tls: { cert: one.cert, key: two.key } })).rejects.toThrow(/GATEHOUSE_TLS_CERT/);
  });
});

/** What a door answers to HTTP without TLS. */
function plain(address: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(Number(address.split(':')[1]), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  });
}
