import { createHmac, timingSafeEqual } from 'node:crypto';

/** A cursor that was not made here, or not for this question. */
export class CursorInvalid extends Error {
  override readonly name = 'CursorInvalid';
  constructor() {
    super('the cursor is not one of this list; start again without it');
  }
}

/** Makes and opens opaque cursors. `scope` says what a cursor is for: the tenant, the list and its filters. */
export interface Cursors {
  seal(scope: string, value: string | number): string;
  /** What was sealed in the same scope; anything else throws `CursorInvalid`. */
  open(scope: string, token: string): string | number;
}

const MAC_BYTES = 32;
const LONGEST = 1_000;

export function cursors(secret: string | Buffer): Cursors {
  const mac = (scope: string, value: Buffer) =>
    createHmac('sha256', secret)
      .update(`${Buffer.byteLength(scope)}:${scope}:`)
      .update(value)
      .digest();
  return {
    seal: (scope, value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      return Buffer.concat([mac(scope, bytes), bytes]).toString('base64url');
    },
    open: (scope, token) => {
      if (token.length > LONGEST || !/^[A-Za-z0-9_-]+$/.test(token)) throw new CursorInvalid();
      const all = Buffer.from(token, 'base64url');
      if (all.toString('base64url') !== token) throw new CursorInvalid();
      const value = all.subarray(MAC_BYTES);
      if (all.length <= MAC_BYTES || !timingSafeEqual(all.subarray(0, MAC_BYTES), mac(scope, value)))
        throw new CursorInvalid();
      return JSON.parse(value.toString()) as string | number;
    },
  };
}
