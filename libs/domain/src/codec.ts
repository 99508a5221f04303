import type { Fact, ModelEvent } from './events';

/** The log holds an event that this release does not know; whoever reads it stops and says so. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable';
  /** What may be told to everybody: the text names positions and types only. */
  readonly told = this.message;
}

/** An event as a store hands it over. */
export type Stored = {
  readonly id: string;
  readonly type: string;
  readonly position: bigint;
  readonly revision: bigint;
  readonly data: { readonly [key: string]: unknown };
  readonly meta: { readonly [key: string]: unknown };
};

/** Every stored name this release reads. A changed shape gets a new name here and an upcast in `decode`. */
const STORED_NAMES: Record<ModelEvent['type'], true> = {
  'model.Registered': true,
  'model.Evaluated': true,
  'model.Approved': true,
  'model.Rejected': true,
  'model.Promoted': true,
  'model.RolledBack': true,
  'model.Deprecated': true,
  'model.BreakGlassReviewed': true,
};

/** From what is stored to what it means today. Throws `Undecodable` for a name or a schema it does not know. */
export function decode(stored: Stored): Fact {
  refuseUnknown(stored, STORED_NAMES);
  return stored as unknown as Fact;
}

/** Throws `Undecodable` where neither the stored name nor the schema is one of these. */
export function refuseUnknown(stored: Stored, names: Readonly<Record<string, true>>): void {
  if (!Object.hasOwn(names, stored.type))
    throw new Undecodable(
      `position ${stored.position}: unknown event ${stored.type}; is this release older than the log?`,
    );
  if (stored.meta['schema'] !== 1)
    throw new Undecodable(
      `position ${stored.position}: unknown schema ${String(stored.meta['schema'])} of ${stored.type}`,
    );
}
