import type { Database } from 'better-sqlite3';
import { Slices } from '@gatehouse/eventsourcing';
import type { ModelSummary, Page } from './resources';
import { KEYS_PER_MODEL } from './schema';

type Row = { version: number | null; digest: string | null; label: string | null };

/** Before and after whatever a name can go on with. */
const [BEFORE, BEYOND] = [' ', '~'];
/** Names looked at in one go. */
const SCAN = 1_000;

/** The models of a tenant. */
export class ModelsProjection {
  private readonly findOne;
  private readonly findFrom;
  private readonly findLast;
  private readonly findLive;

  constructor(reader: Database) {
    this.findOne = reader
      .prepare<[string, string], number>('SELECT id FROM models WHERE tenant = ? AND name = ?')
      .pluck();
    this.findFrom = reader.prepare<[string, string, string, number], { id: number; name: string }>(
      'SELECT id, name FROM models WHERE tenant = ? AND name >= ? AND name < ? ORDER BY name LIMIT ?',
    );
    this.findLast = reader
      .prepare<[number, number], number>('SELECT max(key) FROM versions WHERE key BETWEEN ? AND ?')
      .pluck();
    this.findLive = reader.prepare<[number, number], Row>(`
      SELECT m.live_version AS version, v.digest, v.label FROM moves m
      LEFT JOIN versions v ON v.key = m.model * ${KEYS_PER_MODEL} + m.live_version
      WHERE m.key BETWEEN ? AND ? ORDER BY m.key DESC LIMIT 1`);
  }

  /** Whether there is such a model. */
  has(tenant: string, model: string): boolean {
    return this.findOne.get(tenant, model) !== undefined;
  }

  /**
   * By name, after the one with the name `after`; with `q`, those with it in their name, whatever the case. What the reader
   * does not see is passed over: neither the length of a page nor `next` tells of it. Only names with one of the beginnings of
   * `within` are looked at, which come in order; absent: all.
   */
  async list(
    tenant: string,
    page: {
      q?: string;
      after?: string;
      limit: number;
      sees?: (model: string) => boolean;
      within?: readonly string[];
    },
  ): Promise<Page<ModelSummary, string>> {
    const { sees = () => true, within = [''], after } = page;
    const wanted = page.q?.toLowerCase() ?? '';
    const items: ModelSummary[] = [];
    const slices = new Slices();
    // Most readers look at a first page of everything.
    let count = wanted === '' ? page.limit + 1 : SCAN;
    for (const begin of within) {
      let from = after === undefined || after < begin ? begin : after + BEFORE;
      for (let last: string | undefined; ; from = last + BEFORE, count = SCAN) {
        const rows = this.findFrom.all(tenant, from, begin + BEYOND, count);
        for (const { id, name } of rows) {
          if (!name.includes(wanted) || !sees(name)) continue;
          if (items.length === page.limit) return { items, next: items.at(-1)!.model };
          items.push(this.summary(id, name));
        }
        if (slices.over()) await slices.next();
        last = rows.at(-1)?.name;
        if (last === undefined) break;
      }
    }
    return { items, next: null };
  }

  /** Numbers have no gaps, so the greatest says how many versions there are. */
  private summary(id: number, name: string): ModelSummary {
    const first = id * KEYS_PER_MODEL;
    const last = first + KEYS_PER_MODEL - 1;
    const { version, digest, label } = this.findLive.get(first, last) ?? {
      version: null,
      digest: null,
      label: null,
    };
    return {
      model: name,
      versions: (this.findLast.get(first, last) ?? first) - first,
      current: version === null || digest === null ? null : { version, digest, label },
    };
  }
}
