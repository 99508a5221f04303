import { Kafka, logLevel, type logCreator, type SASLOptions } from 'kafkajs';
import { readFileSync } from 'node:fs';

/** How the brokers are reached. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** True: with the authorities that the system trusts; a file: with those in it; false: in clear text. */
  readonly tls: boolean | { readonly caFile: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

/** Where what kafkajs says goes. */
export interface KafkaLog {
  log(level: 'error' | 'warn' | 'info' | 'debug', fields: object, message: string): void;
}

const CONNECT_MS = 3_000;
/** Longer than the broker may take for a produce. */
const REQUEST_MS = 12_000;

/** A client of kafkajs. Everything that it makes gets connections of its own. */
export function kafkaClient(settings: KafkaSettings, log: KafkaLog): Kafka {
  // We choose the partitioner ourselves; the warning is about a default that changed.
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] ??= '1';
  const { brokers, clientId, tls, sasl } = settings;
  return new Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    enforceRequestTimeout: true,
    // Once for each broker: one of them may be down. Producers have no retries at all, see `KafkaPublisher`.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: brokers.length },
    ssl: typeof tls === 'boolean' ? tls : { ca: [readFileSync(tls.caFile, 'utf8')] },
    ...(sasl && { sasl: sasl as SASLOptions }),
    logLevel: logLevel.INFO,
    logCreator: bridge(log),
  });
}

/** Errors of kafkajs are our warnings: what comes of them we say ourselves. */
function bridge(log: KafkaLog): logCreator {
  return () =>
    ({ level, namespace, log: { message, timestamp: _, logger: __, stack: ___, ...fields } }) => {
      const ours = level <= logLevel.WARN ? 'warn' : 'debug';
      log.log(ours, { kafkajs: namespace, ...fields }, message);
    };
}

/** It took too long. It may have happened all the same. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}

/** Our own deadline, or the caller's end: a call of kafkajs can hang for ever. */
export async function within<T>(
  ms: number,
  what: string,
  promise: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  // Whatever it comes to later, nobody waits for it any more.
  promise.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(new TookTooLong(`${what} took longer than ${ms} ms`)), ms);
    const leave = () => end(new Error(`${what} was given up`));
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
    };
    const end = (error: Error) => {
      over();
      reject(error);
    };
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted) leave();
    promise.then((value) => {
      over();
      resolve(value);
    }, end);
  });
}
