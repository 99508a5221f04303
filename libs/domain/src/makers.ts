import type { Context } from './commands';
import type { Meta } from './events';

/** Who did something, and with which key; null: with none. */
export type Deed = { readonly by: string; readonly key: string | null };

/** Who acts now, who made the key that they came with, and who made any other. */
export type Acting = Pick<Context, 'actor' | 'makers' | 'makersOf'>;

/** The key that something was recorded with; null where it was none. */
export function keyOf({ auth: { method, credential } }: Meta): string | null {
  return method === 'key' && credential !== undefined ? credential : null;
}

/**
 * Whether one hand did that and acts now, and then how it is so, to be told; null: they are two. Who made a key, or the key
 * that it was made with, made what is done with it. Two keys of one maker are two hands all the same: an admin makes
 * everybody's.
 */
export function sameHand(
  { by, key }: Deed,
  { actor, makers = [], makersOf = () => [] }: Acting,
): 'same actor' | 'made the key of now' | 'made the key of then' | null {
  if (actor.id === by) return 'same actor';
  if (makers.includes(by)) return 'made the key of now';
  return key !== null && makersOf(key).includes(actor.id) ? 'made the key of then' : null;
}
