import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readCertificate } from './certificate';
import { openContext } from './request-context';
import type { Settings } from './settings';

/**
 * Stands in for the HTTP door while the start waits for the log: who watches the process learns that it is alive, not
 * ready, and why. It has to be closed before the door itself opens.
 */
export class WaitingDoor {
  private server: Server | undefined;
  private why = '';

  constructor(private readonly settings: Pick<Settings, 'http' | 'tls'>) {}

  /** Says why; the first time, the door opens. Where nobody can know the port there is none. */
  say(why: string): void {
    this.why = why;
    if (this.settings.http.port !== 0) this.server ??= this.opened();
  }

  /** Resolves when the port is free. */
  async close(): Promise<void> {
    const { server } = this;
    if (!server?.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  private opened(): Server {
    const { http, tls } = this.settings;
    const answer: RequestListener = (request, response) => {
      const { requestId } = openContext(request.headers['x-request-id'], undefined);
      const { status, type, body } = this.answerTo(request, requestId);
      const later = status === 503 && { 'retry-after': '5' };
      response.writeHead(status, {
        'content-type': type,
        'x-request-id': requestId,
        ...later,
        connection: 'close',
      });
      response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
    };
    const server = tls ? createTlsServer(readCertificate(tls), answer) : createServer(answer);
    // A port that is taken is for the door itself to complain about.
    server.on('error', () => undefined);
    return server.listen(http.port, http.host);
  }

  private answerTo(
    { url = '' }: IncomingMessage,
    instance: string,
  ): { status: number; type: string; body: object } {
    const [path] = url.split('?');
    if (path === '/healthz') return { status: 200, type: 'application/json', body: { status: 'ok' } };
    const because = [`the log is not there yet: ${this.why}`];
    const readiness = { ready: false, because, writable: false, followers: [], degraded: [] };
    if (path === '/readyz') return { status: 503, type: 'application/json', body: readiness };
    const problem = {
      type: 'urn:gatehouse:store-unavailable',
      title: 'The store takes no writes at present',
      status: 503,
      code: 'store-unavailable',
      detail: 'The service is starting and waits for its log. Try again in a moment.',
      instance,
    };
    return { status: 503, type: 'application/problem+json', body: problem };
  }
}
