import { Slices, type Checkpoint } from '@gatehouse/eventsourcing';
import type { ModelFold, MoveFold } from './fold';
import type { Batch, Value } from './rows';
import { digestStart, KEYS_PER_MODEL } from './schema';
import { toText, unreviewed, type VersionDoc } from './version-fold';

/** What was folded and is not written yet. */
export interface Unwritten {
  readonly models: readonly ModelFold[];
  readonly versions: Iterable<VersionDoc>;
  readonly moves: readonly MoveFold[];
}

/** Makes rows of it, in order of key: rows that stand together are written together. */
export async function toBatch(unwritten: Unwritten, checkpoint: Checkpoint): Promise<Batch> {
  const { logId, position, stream, revision, id } = checkpoint;
  const batch: Batch = {
    models: unwritten.models.flatMap((model) => [model.id, model.tenant, model.name, model.created]),
    newVersions: [],
    versions: [],
    moves: [],
    checkpoint: [logId, String(position), stream, String(revision), id],
  };
  const slices = new Slices();
  for (const doc of [...unwritten.versions].sort((a, b) => a.key - b.key)) {
    addVersion(batch, doc);
    if (slices.over()) await slices.next();
  }
  for (const move of [...unwritten.moves].sort((a, b) => a.model.id - b.model.id || a.revision - b.revision))
    addMove(batch.moves, move);
  return batch;
}

function addVersion(batch: Batch, doc: VersionDoc): void {
  const { key, stage, registration: r, evidence } = doc;
  const folded = toText(doc.folded);
  if (r) {
    const { by, digest } = r;
    batch.newVersions.push(key, r.model, digest, digestStart(digest), r.label, stage, r.changelog, r.author);
    batch.newVersions.push(r.registered, by.id, by.kind, folded, evidence, unreviewed(doc), r.manifest);
  } else batch.versions.push(stage, folded, evidence, unreviewed(doc), key);
  doc.registration = doc.evidence = null;
}

function addMove(moves: Value[], { model, by, ...move }: MoveFold): void {
  moves.push(model.id * KEYS_PER_MODEL + move.revision, model.id, move.time, by.id, by.kind, move.event);
  moves.push(move.left, move.live, move.target, move.reason, move.note, move.position);
}
