import type { Database } from 'better-sqlite3';
import type { Fact } from '@gatehouse/domain';
import type { Value } from './rows';

/** How much a tenant has. `bytes`: about so many of the log are about its models. */
export type Used = { readonly models: number; readonly versions: number; readonly bytes: number };

const NONE: Used = { models: 0, versions: 0, bytes: 0 };
/** What surrounds the data of an event, and what small events have of it. */
const BYTES_OF_AN_EVENT = 500;

/** What events add to what tenants have, until it is written. */
export class UsageFold {
  private added = new Map<string, { models: number; versions: number; bytes: number }>();

  /** Counts an event. `text`: how long what is large in it is, as JSON. */
  count(tenant: string, fact: Fact, text: number): void {
    let used = this.added.get(tenant);
    if (used === undefined) this.added.set(tenant, (used = { ...NONE }));
    if (fact.type === 'model.Registered') {
      used.versions++;
      // Versions are numbered from 1, so the first one makes the model.
      if (fact.data.version === 1) used.models++;
    }
    used.bytes += BYTES_OF_AN_EVENT + text;
  }

  /** Hands over what was counted, as rows. */
  take(): Value[] {
    const rows = [...this.added].flatMap(([tenant, { models, versions, bytes }]) => [
      tenant,
      models,
      versions,
      bytes,
    ]);
    this.added = new Map();
    return rows;
  }
}

/** How much tenants have: what quotas go by. */
export class UsageProjection {
  private readonly find;

  constructor(reader: Database) {
    this.find = reader.prepare<[string], Used>('SELECT models, versions, bytes FROM usage WHERE tenant = ?');
  }

  of(tenant: string): Used {
    return this.find.get(tenant) ?? NONE;
  }
}
