/** Raise it with every change of a table or of what its rows mean: views of another version are built anew. */
export const SCHEMA_VERSION = 3;

/**
 * A version or a pointer move is one row under one integer: `model * KEYS_PER_MODEL + number`. So the rows of a
 * model stand together, in order, and no second index is needed to find them. 2^26 numbers for each of 2^27 models.
 */
export const KEYS_PER_MODEL = 2 ** 26;

/** Rows depend on the events alone, never on how they were batched: a rebuilt view is the same, byte for byte. */
export const SCHEMA = `
CREATE TABLE checkpoint (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  log_id TEXT NOT NULL, position TEXT NOT NULL, stream TEXT NOT NULL, revision TEXT NOT NULL, id TEXT NOT NULL
) STRICT;
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL, name TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (tenant, name)
) STRICT;
CREATE TABLE versions (
  key INTEGER PRIMARY KEY,
  model INTEGER NOT NULL,
  digest TEXT NOT NULL,
  digest_start INTEGER NOT NULL,
  label TEXT,
  stage TEXT NOT NULL,
  changelog TEXT NOT NULL,
  author TEXT,
  registered INTEGER NOT NULL, by_id TEXT NOT NULL, by_kind TEXT NOT NULL,
  folded TEXT NOT NULL,
  evidence TEXT,
  unreviewed INTEGER NOT NULL,
  manifest TEXT NOT NULL
) STRICT;
CREATE INDEX version_by_digest ON versions (model, digest_start);
CREATE INDEX version_deprecated ON versions (key) WHERE stage = 'DEPRECATED';
CREATE INDEX version_unreviewed ON versions (key) WHERE unreviewed > 0;
CREATE TABLE moves (
  key INTEGER PRIMARY KEY,
  model INTEGER NOT NULL,
  time INTEGER NOT NULL,
  by_id TEXT NOT NULL, by_kind TEXT NOT NULL,
  event TEXT NOT NULL,
  left_version INTEGER, live_version INTEGER, target_version INTEGER,
  reason TEXT, note TEXT,
  position TEXT NOT NULL
) STRICT;
CREATE INDEX move_by_time ON moves (model, time);
`;

/** The first 48 bits of a digest: an index on these is a fifth as large, and points at one row nearly always. */
export function digestStart(digest: string): number {
  const start = Number.parseInt(digest.slice(digest.indexOf(':') + 1).slice(0, 12), 16);
  return Number.isNaN(start) ? 0 : start;
}
