import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { STREAM_PREFIX, STREAM_PREFIX_MEANS } from '@gatehouse/event-store';
import type { Limits, OidcOptions } from '@gatehouse/identity';
import {
  address,
  DOOR_SETTINGS,
  requireProtection,
  tlsOf,
  type Address,
  type TlsFiles,
} from './door-settings';
import { fanOutOf, KAFKA_SETTINGS, publicUrl, type KafkaFanOut } from './kafka-settings';
import { IDENTITY_SETTINGS, limitsOf, oidcOf } from './identity-settings';
import { nonEmpty, setting, SettingWrong, whole, type Setting } from './setting';

export { SettingWrong, type Address };

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Every setting there is: what parses them and what documents them (`docs/settings.md`). */
export const SETTINGS = {
  http: setting({
    name: 'GATEHOUSE_HTTP',
    default: '127.0.0.1:8080',
    meaning: 'Where HTTP listens, `host:port`. Port 0 takes a free one. Beyond loopback it takes TLS.',
    parse: address,
  }),
  grpc: setting({
    name: 'GATEHOUSE_GRPC',
    default: '127.0.0.1:9090',
    meaning: 'Where gRPC listens, `host:port`. Port 0 takes a free one. Beyond loopback it takes TLS.',
    parse: address,
  }),
  data: setting({
    name: 'GATEHOUSE_DATA',
    default: './data',
    meaning: 'The data folder: `events.db` (the log), `views.db` (derived, can be deleted), `cursor.secret`.',
    parse: (text) => resolve(nonEmpty(text)),
  }),
  eventStore: setting({
    name: 'GATEHOUSE_EVENT_STORE',
    default: undefined,
    meaning:
      'EventStoreDB as the log: `esdb://user:password@host:2113?tls=true`, or `esdb+discover://…` for a cluster. Not set: the embedded log, `events.db` in the data folder.',
    secret: true,
    parse: (text) => {
      if (!/^esdb(\+discover)?:\/\/\S+$/.test(text))
        throw new Error('must begin with esdb:// or esdb+discover:// and have no spaces');
      return text;
    },
  }),
  eventStorePrefix: setting({
    name: 'GATEHOUSE_EVENT_STORE_PREFIX',
    default: 'gatehouse-',
    meaning:
      'What the names of our streams begin with in EventStoreDB, where other streams may be, too. It must never change: another prefix is another log.',
    parse: (text) => {
      if (!STREAM_PREFIX.test(text)) throw new Error(STREAM_PREFIX_MEANS);
      return text;
    },
  }),
  eventStoreTimeoutMs: setting({
    name: 'GATEHOUSE_EVENT_STORE_TIMEOUT_MS',
    default: '3000',
    meaning:
      'For so long a call to EventStoreDB may be without an answer, in milliseconds (100 to 60000); then it is made again, an append only after a look at what became of it.',
    parse: whole(100, 60_000),
  }),
  pointerDir: setting({
    name: 'GATEHOUSE_POINTER_DIR',
    default: undefined,
    meaning:
      'Keep `<tenant>/<model>/active_version.json` in this folder, swapped atomically. Not set: no pointer files.',
    parse: (text) => resolve(nonEmpty(text)),
  }),
  logLevel: setting({
    name: 'GATEHOUSE_LOG_LEVEL',
    default: 'info',
    meaning: `How much is logged: ${LOG_LEVELS.join(', ')}. At \`info\` and below, one line for each request.`,
    parse: oneOf(LOG_LEVELS),
  }),
  requestTimeoutMs: setting({
    name: 'GATEHOUSE_REQUEST_TIMEOUT_MS',
    default: '10000',
    meaning:
      'The longest a request may take, in milliseconds (100 to 600000). A command has its answer within 95 % of it, whatever the log does. Streams are not limited by it.',
    parse: whole(100, 600_000),
  }),
  bodyLimitKib: setting({
    name: 'GATEHOUSE_BODY_LIMIT_KIB',
    default: '256',
    meaning: 'The largest body (HTTP) or message (gRPC) taken, in KiB (1 to 16384).',
    parse: whole(1, 16_384),
  }),
  platformKey: setting({
    name: 'GATEHOUSE_PLATFORM_KEY_HASH',
    default: undefined,
    meaning:
      'The hash of the platform key, which opens, suspends and lists tenants; `npm run platform-key` makes both. Not set: there is none.',
    secret: true,
    parse: (text) => {
      if (!/^[0-9a-f]{64}$/.test(text)) throw new Error('must be 64 hexadecimal digits in lower case');
      return text;
    },
  }),
  cursorSecret: setting({
    name: 'GATEHOUSE_CURSOR_SECRET',
    default: undefined,
    meaning:
      'Signs cursors, at least 16 characters; replicas that share clients share it. Not set: made once and kept in the data folder, mode 0600.',
    secret: true,
    parse: (text) => {
      if (text.length < 16) throw new Error('must have at least 16 characters');
      return text;
    },
  }),
  ...DOOR_SETTINGS,
  ...IDENTITY_SETTINGS,
  publicUrl: setting({
    name: 'GATEHOUSE_PUBLIC_URL',
    default: undefined,
    meaning:
      'Where the API is reached by others, like `https://gatehouse.example`: messages that are too large refer to it. Not set: references are relative.',
    parse: publicUrl,
  }),
  ...KAFKA_SETTINGS,
};

/** The settings of this process, validated. Injected by this class. */
export abstract class Settings {
  abstract readonly http: Address;
  abstract readonly grpc: Address;
  abstract readonly data: string;
  abstract readonly eventStore?: string;
  abstract readonly eventStorePrefix: string;
  abstract readonly eventStoreTimeoutMs: number;
  abstract readonly pointerDir?: string;
  abstract readonly logLevel: LogLevel;
  abstract readonly requestTimeoutMs: number;
  abstract readonly bodyLimitKib: number;
  /** SHA-256 of the secret of the platform key. */
  abstract readonly platformKey?: string;
  abstract readonly cursorSecret: string;
  /** Undefined: no TLS. */
  abstract readonly tls?: TlsFiles;
  /** Undefined: no tokens of people, API keys only. */
  abstract readonly oidc?: OidcOptions;
  abstract readonly limits: Limits;
  abstract readonly publicUrl?: string;
  /** Undefined: no fan-out. */
  abstract readonly kafka?: KafkaFanOut;
}

type Environment = { readonly [name: string]: string | undefined };

/** Reads all settings, makes the data folder, and keeps a cursor secret in it if none is set. Throws `SettingWrong`. */
export function readSettings(env: Environment): Settings {
  const settings = lookUpSettings(env);
  return { ...settings, cursorSecret: settings.cursorSecret ?? keptSecret(settings.data) };
}

/** The same, for who only looks: nothing is made. */
export function lookUpSettings(
  env: Environment,
): Omit<Settings, 'cursorSecret'> & Partial<Pick<Settings, 'cursorSecret'>> {
  const value = <T>(one: Setting<T>): T | undefined => {
    const text = textOf(one, env) ?? one.default;
    if (text === undefined) return undefined;
    try {
      return one.parse(text);
    } catch (error) {
      const shown = one.secret ? '' : `, not ${JSON.stringify(text)}`;
      throw new SettingWrong(`${one.name} ${(error as Error).message}${shown}`);
    }
  };
  return {
    ...doorsOf(value),
    data: value(SETTINGS.data)!,
    eventStore: value(SETTINGS.eventStore),
    eventStorePrefix: value(SETTINGS.eventStorePrefix)!,
    eventStoreTimeoutMs: value(SETTINGS.eventStoreTimeoutMs)!,
    pointerDir: value(SETTINGS.pointerDir),
    logLevel: value(SETTINGS.logLevel)!,
    requestTimeoutMs: value(SETTINGS.requestTimeoutMs)!,
    bodyLimitKib: value(SETTINGS.bodyLimitKib)!,
    platformKey: value(SETTINGS.platformKey),
    oidc: oidcOf(value),
    limits: limitsOf(value),
    cursorSecret: value(SETTINGS.cursorSecret),
    publicUrl: value(SETTINGS.publicUrl),
    kafka: fanOutOf(value),
  };
}

function doorsOf(value: <T>(one: Setting<T>) => T | undefined): Pick<Settings, 'http' | 'grpc' | 'tls'> {
  const doors = { http: value(SETTINGS.http)!, grpc: value(SETTINGS.grpc)! };
  const may = { tls: tlsOf(value), plaintext: value(SETTINGS.plaintext)! };
  for (const door of ['http', 'grpc'] as const) requireProtection(SETTINGS[door].name, doors[door], may);
  return { ...doors, tls: may.tls };
}

/** Names in the environment that look like settings and are none: probably misspelt. */
export function unknownSettings(env: Environment): string[] {
  const known = new Set<string>();
  for (const one of Object.values<Setting<unknown>>(SETTINGS)) {
    known.add(one.name);
    if (one.secret) known.add(`${one.name}_FILE`);
  }
  return Object.keys(env).filter((name) => name.startsWith('GATEHOUSE_') && !known.has(name));
}

/** The table of `docs/settings.md`. */
export function settingsTable(): string {
  const rows = Object.values<Setting<unknown>>(SETTINGS).map((one) => {
    const name = one.secret ? `\`${one.name}\`, or \`${one.name}_FILE\`` : `\`${one.name}\``;
    return `| ${name} | ${one.default === undefined ? '(none)' : `\`${one.default}\``} | ${one.meaning} |`;
  });
  return ['| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function textOf(one: Setting<unknown>, env: Environment): string | undefined {
  const text = env[one.name];
  const file = one.secret ? env[`${one.name}_FILE`] : undefined;
  if (file === undefined) return text;
  if (text !== undefined) throw new SettingWrong(`${one.name} and ${one.name}_FILE are both set: set one`);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new SettingWrong(`${one.name}_FILE names a file that cannot be read: ${(error as Error).message}`);
  }
}

/** The secret of this data folder: read, or made on the first start. */
function keptSecret(data: string): string {
  const file = join(data, 'cursor.secret');
  try {
    mkdirSync(data, { recursive: true });
    if (existsSync(file)) {
      chmodSync(file, 0o600);
      const kept = readFileSync(file, 'utf8').trim();
      if (kept.length >= 16) return kept;
    }
    const made = randomBytes(32).toString('base64url');
    writeFileSync(file, `${made}\n`, { mode: 0o600, flush: true });
    return made;
  } catch (error) {
    throw new SettingWrong(
      `GATEHOUSE_DATA must be a folder that can be written: ${(error as Error).message}`,
    );
  }
}

function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((one) => one === text);
    if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`);
    return found;
  };
}
