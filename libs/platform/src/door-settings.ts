import { accessSync, constants } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { nonEmpty, setting, SettingWrong, type Setting } from './setting';

/** An address to listen on. Port 0 takes a free one. */
export type Address = { readonly host: string; readonly port: number };

/** The PEM files that both doors prove with who they are. */
export type TlsFiles = { readonly cert: string; readonly key: string };

/** How the doors are protected. */
export const DOOR_SETTINGS = {
  tlsCert: setting({
    name: 'GATEHOUSE_TLS_CERT',
    default: undefined,
    meaning:
      'A PEM file with the certificate of both doors, and the chain after it. Set together with `GATEHOUSE_TLS_KEY`; read again when it changes. Not set: no TLS, and loopback only.',
    parse: readable,
  }),
  tlsKey: setting({
    name: 'GATEHOUSE_TLS_KEY',
    default: undefined,
    meaning: 'The PEM file with the private key of the certificate.',
    parse: readable,
  }),
  plaintext: setting({
    name: 'GATEHOUSE_PLAINTEXT',
    default: 'loopback',
    meaning:
      'Where the doors may listen without TLS: `loopback`, or `allow`: anywhere, for a network that encrypts by itself. Credentials can be read on the way then; it is said at every start.',
    parse: (text) => {
      if (text !== 'loopback' && text !== 'allow') throw new Error('must be loopback or allow');
      return text;
    },
  }),
};

/** The certificate files, if both are set. One alone is a mistake. */
export function tlsOf(value: <T>(one: Setting<T>) => T | undefined): TlsFiles | undefined {
  const [cert, key] = [value(DOOR_SETTINGS.tlsCert), value(DOOR_SETTINGS.tlsKey)];
  if (cert !== undefined && key !== undefined) return { cert, key };
  const { tlsCert, tlsKey } = DOOR_SETTINGS;
  if (cert !== undefined) throw new SettingWrong(`${tlsKey.name} must be set, too: ${tlsCert.name} is`);
  if (key !== undefined) throw new SettingWrong(`${tlsCert.name} must be set, too: ${tlsKey.name} is`);
  return undefined;
}

/** Refuses a door that would let the network read credentials, unless somebody said that it may. */
export function requireProtection(
  name: string,
  address: Address,
  may: { tls?: TlsFiles; plaintext: string },
): void {
  if (isLoopback(address.host) || may.tls !== undefined || may.plaintext === 'allow') return;
  throw new SettingWrong(
    `${name} must be a loopback address (127.0.0.1, [::1] or localhost) without TLS: set GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY, or GATEHOUSE_PLAINTEXT=allow if the network encrypts by itself; not "${address.host}:${address.port}"`,
  );
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1')
  );
}

/** Parses `host:port`. */
export function address(text: string): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1');
  const port = /^\d{1,5}$/.test(text.slice(colon + 1)) ? Number(text.slice(colon + 1)) : Infinity;
  if (colon < 0 || !/^[\w.:%-]+$/.test(host) || port > 65_535)
    throw new Error('must be host:port, like 127.0.0.1:8080');
  return { host, port };
}

function readable(text: string): string {
  const file = resolve(nonEmpty(text));
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new Error('must be a file that can be read');
  }
  return file;
}
