import { withoutCredentials } from '@gatehouse/identity';
import type { LoggerService } from '@nestjs/common';
import { destination, pino, symbols, type Logger } from 'pino';
import type { RequestContext } from './request-context';
import type { LogLevel } from './settings';

/** Injection token of the process's pino `Logger`. Most code uses Nest's `Logger`, which ends up in the same place. */
export const LOG = Symbol('Log');

// A reader of our stdout that stops reading costs this much memory; then lines are dropped, requests are not.
const MOST_BUFFERED_BYTES = 8 * 1024 * 1024;
const FLUSH_EVERY_MS = 250;
// Each write to stdout is a round trip to a thread.
const WRITE_BYTES = 64 * 1024;

/** The log of this process and how to empty its buffer. */
export type OpenLog = { readonly log: Logger; readonly flush: () => void };

/** Opens the log on stdout: one JSON object a line, buffered, flushed four times a second and at exit. */
export function openLog(level: LogLevel): OpenLog {
  const out = destination({
    dest: 1,
    sync: false,
    minLength: WRITE_BYTES / 2,
    maxWrite: WRITE_BYTES,
    maxLength: MOST_BUFFERED_BYTES,
  });
  // Nobody reads stdout any more: there is nowhere left to say so, and it is no reason to stop serving.
  out.on('error', () => undefined);
  const flush = () => {
    try {
      out.flushSync();
    } catch {
      // Not open yet, or closed: nothing can be written then.
    }
  };
  setInterval(() => out.flush(), FLUSH_EVERY_MS).unref();
  process.on('exit', flush);
  const log = pino(
    {
      level,
      base: null,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    out,
  );
  return { log, flush };
}

let lastTime = { at: 0, text: '' };

/** As pino's own, but made once a millisecond: under load many lines share one. */
function isoTime(): string {
  const now = Date.now();
  if (now !== lastTime.at) lastTime = { at: now, text: `,"time":"${new Date(now).toISOString()}"` };
  return lastTime.text;
}

/** Writes the one line that a request leaves. */
export type AccessLog = (
  context: RequestContext,
  method: string,
  url: string,
  status: number,
  ms: number,
) => void;

const MOST_OF_A_URL = 500;

/**
 * The access log: six fields (and the trace, where there is one), put together by hand. Through pino's own `info` it
 * costs as much as the whole look-up of a live version.
 */
export function accessLog(log: Logger): AccessLog {
  if (!log.isLevelEnabled('info')) return () => undefined;
  // The stream that pino writes to; a level that is enabled has one.
  const out = (log as unknown as { [symbols.streamSym]: { write(line: string): void } })[symbols.streamSym];
  return ({ requestId, traceparent, caller }, method, url, status, ms) => {
    const trace = traceparent === undefined ? '' : `,"trace":"${traceparent}"`;
    const tenant = caller === undefined ? '' : `,"tenant":"${caller.tenant}"`;
    // Clients put their keys anywhere.
    const shown = withoutCredentials(url).slice(0, MOST_OF_A_URL);
    out.write(
      `{"level":"info"${isoTime()},"id":${JSON.stringify(requestId)}${trace},"method":"${method}","url":${JSON.stringify(shown)},"status":${status},"ms":${Math.round(ms * 1000) / 1000}${tenant}}\n`,
    );
  };
}

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** What Nest tells of its own start: a line for each module and route. */
const FRAMEWORK = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Nest's logger, written to pino: the last parameter is the context, an error keeps its stack. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(FRAMEWORK.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  private write(level: Level, message: unknown, rest: unknown[]): void {
    const context = typeof rest.at(-1) === 'string' ? (rest.pop() as string) : undefined;
    const [more] = rest;
    if (message instanceof Error) this.pino[level]({ context, err: message }, message.message);
    else if (typeof message === 'object') this.pino[level]({ context, ...message });
    else
      this.pino[level](
        { context, ...(more instanceof Error ? { err: more } : { stack: more }) },
        typeof message === 'string' ? message : JSON.stringify(message),
      );
  }
}
