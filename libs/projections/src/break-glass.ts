import type { Database } from 'better-sqlite3';
import type { BreakGlassView } from './resources';
import { KEYS_PER_MODEL } from './schema';
import type { Folded } from './version-fold';

/** A promotion by break-glass that nobody has taken a second look at. */
export type Unreviewed = Omit<BreakGlassView, 'review'> & {
  model: string;
  version: number;
  digest: string;
};

type Row = { key: number; digest: string; name: string; folded: string };

/** The most that a list tells: there should never be so many. */
const MOST = 500;

/** Who broke the glass, until a second person has reviewed it. */
export class BreakGlassProjection {
  private readonly findOpen;
  private readonly count;

  constructor(reader: Database) {
    this.findOpen = reader.prepare<[string], Row>(
      `SELECT v.key, v.digest, m.name, v.folded FROM versions v JOIN models m ON m.id = v.model
        WHERE v.unreviewed > 0 AND m.tenant = ? ORDER BY v.key`,
    );
    this.count = reader
      .prepare<[], number>('SELECT coalesce(sum(unreviewed), 0) FROM versions WHERE unreviewed > 0')
      .pluck();
  }

  /** Those of a tenant that the reader sees, by model and version: of the first 500 versions that have any. */
  list(tenant: string, sees: (model: string) => boolean): Unreviewed[] {
    const found: Row[] = [];
    for (const row of this.findOpen.iterate(tenant)) {
      if (sees(row.name)) found.push(row);
      if (found.length === MOST) break;
    }
    return found.flatMap(unreviewedOf);
  }

  /** How many there are, of all tenants. */
  get open(): number {
    return this.count.get() ?? 0;
  }
}

function unreviewedOf({ key, digest, name, folded }: Row): Unreviewed[] {
  const { breakGlass = [] } = JSON.parse(folded) as Folded;
  return breakGlass
    .filter(({ review }) => review === null)
    .map(({ review: _, ...glass }) => ({ model: name, version: key % KEYS_PER_MODEL, digest, ...glass }));
}
