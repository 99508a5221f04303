import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json';

// NOTE: stored format. Event ids are made under this namespace: another one would make other ids of old commands.
const NAMESPACE = Buffer.from('5a2ba00a-3627-4a06-8673-5e5578567e0f'.replaceAll('-', ''), 'hex');

/** `sha256:<64 hex>` of the text's UTF-8 bytes. */
export function sha256(text: string): string {
  return `sha256:${hash('sha256', text)}`;
}

/** `sha256:<64 hex>` of the value's canonical form: the same for the same JSON value, on every machine. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** 128 bits as 32 hex digits. `['a', 'bc']` and `['ab', 'c']` differ. */
export function shortHash(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts)).slice(0, 32);
}

/** RFC 9562, version 5, under Gatehouse's own namespace: the same name makes the same id. */
export function uuidV5(name: string): string {
  const bytes = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(name)]), 'buffer').subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
