import type { Database } from 'better-sqlite3';
import { Slices } from '@gatehouse/eventsourcing';
import type { ActorKind, Json, Stage } from '@gatehouse/domain';
import { meets, type MetricCondition } from './metric-condition';
import { PAGE_CHARACTERS, type Page, type VersionResource, type VersionSummary } from './resources';
import { digestStart, KEYS_PER_MODEL } from './schema';
import type { Folded } from './version-fold';

/** What a list of versions is narrowed to; everything named must hold. */
export type VersionFilter = {
  stage?: Stage;
  /** Exactly this label. */
  label?: string;
  /** Registered by the actor with this id. */
  by?: string;
  /** Part of the label or of the changelog, whatever the case. */
  q?: string;
  metric?: readonly MetricCondition[];
};

type Row = {
  key: number;
  digest: string;
  label: string | null;
  stage: Stage;
  changelog: string;
  author: string | null;
  registered: number;
  byId: string;
  byKind: ActorKind;
  folded: string;
};

const COLUMNS =
  'key, digest, label, stage, changelog, author, registered, by_id AS byId, by_kind AS byKind, folded';
/** Rows looked at in one go: a reader that stays long would keep the file from being tidied. */
const SCAN = 20;

/** The versions of models, as they are now. */
export class VersionsProjection {
  private readonly findModel;
  private readonly findByKey;
  private readonly findByDigest;
  private readonly findBefore;

  constructor(reader: Database) {
    this.findModel = reader
      .prepare<[string, string], number>('SELECT id FROM models WHERE tenant = ? AND name = ?')
      .pluck();
    const whole = `SELECT ${COLUMNS}, evidence, manifest FROM versions`;
    this.findByKey = reader.prepare<[number], Row & { evidence: string | null; manifest: string }>(
      `${whole} WHERE key = ?`,
    );
    this.findByDigest = reader.prepare<
      [number, number, string],
      Row & { evidence: string | null; manifest: string }
    >(`${whole} WHERE model = ? AND digest_start = ? AND digest = ?`);
    this.findBefore = reader.prepare(
      `SELECT ${COLUMNS} FROM versions WHERE key > @first AND key < @before
        AND (@stage IS NULL OR stage = @stage) AND (@label IS NULL OR label = @label) AND (@by IS NULL OR by_id = @by)
        ORDER BY key DESC LIMIT @limit`,
    );
  }

  /** By number or digest. Null: no such model, or no such version of it. */
  find(tenant: string, model: string, ref: number | string): VersionResource | null {
    const id = this.findModel.get(tenant, model);
    if (id === undefined) return null;
    const row =
      typeof ref === 'string'
        ? this.findByDigest.get(id, digestStart(ref), ref)
        : isNumber(ref) && this.findByKey.get(id * KEYS_PER_MODEL + ref);
    if (!row) return null;
    const { promotion, ...rest } = summary(model, row);
    const manifest = JSON.parse(row.manifest) as { [member: string]: Json };
    return {
      ...rest,
      manifest,
      promotion: promotion && { ...promotion, evidence: JSON.parse(row.evidence ?? 'null') as Json },
    };
  }

  /** Newest first, before the version with number `after`. Null: no such model. */
  async list(
    tenant: string,
    model: string,
    filter: VersionFilter,
    page: { after?: number; limit: number },
  ): Promise<Page<VersionSummary, number> | null> {
    const id = this.findModel.get(tenant, model);
    if (id === undefined) return null;
    const items: VersionSummary[] = [];
    const slices = new Slices();
    let characters = 0;
    for (let before = page.after ?? KEYS_PER_MODEL; ;) {
      const rows = this.rowsBefore(id * KEYS_PER_MODEL, before, filter);
      for (const row of rows) {
        const version = matches(row, filter) ? summary(model, row) : null;
        if (!version || !meets(version.evaluations, filter.metric ?? [])) continue;
        if (items.length === page.limit || characters > PAGE_CHARACTERS)
          return { items, next: items.at(-1)!.version };
        items.push(version);
        characters += row.folded.length;
        if (slices.over()) await slices.next();
      }
      if (rows.length < SCAN) return { items, next: null };
      before = rows.at(-1)!.key % KEYS_PER_MODEL;
      if (slices.over()) await slices.next();
    }
  }

  private rowsBefore(first: number, number: number, { stage, label, by }: VersionFilter): Row[] {
    return this.findBefore.all({
      first,
      before: first + number,
      stage: stage ?? null,
      label: label ?? null,
      by: by ?? null,
      limit: SCAN,
    }) as Row[];
  }
}

function isNumber(ref: number): boolean {
  return Number.isInteger(ref) && ref > 0 && ref < KEYS_PER_MODEL;
}

function matches({ label, changelog }: Row, { q }: VersionFilter): boolean {
  if (q === undefined) return true;
  const wanted = q.toLowerCase();
  return (label ?? '').toLowerCase().includes(wanted) || changelog.toLowerCase().includes(wanted);
}

function summary(model: string, row: Row): VersionSummary {
  const folded = JSON.parse(row.folded) as Folded;
  return {
    model,
    version: row.key % KEYS_PER_MODEL,
    digest: row.digest,
    label: row.label,
    stage: row.stage,
    evaluated: folded.evaluated,
    changelog: row.changelog,
    author: row.author,
    registeredAt: new Date(row.registered).toISOString(),
    registeredBy: { id: row.byId, kind: row.byKind },
    evaluations: folded.evaluations,
    evaluationCount: folded.evaluationCount,
    approvals: folded.approvals.map(({ evaluated: _, ...approval }) => approval),
    promotion: folded.promotion,
    rolledBack: folded.rolledBack,
    deprecation: folded.deprecation,
    ...(folded.breakGlass && { breakGlass: folded.breakGlass }),
    position: folded.position,
  };
}
