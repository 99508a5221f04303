import { checkJson } from './check-json';
import { isNfc, MAX_DEPTH } from './judge';
import { JsonRefused, type Path, pointerOf } from './problem';

// NOTE: stored format. The digest of every version hangs on what is done here.

/** Top-level members that take any JSON: what is inside them is not ours to change. */
const FREE: ReadonlySet<string> = new Set(['config', 'prompt', 'retrieval']);

/**
 * The manifest whose canonical bytes are its digest: absent, null, "", [] and {} are one (removed), also where removing made
 * them empty; 0 and false stay, elements of arrays stay, what is inside `config`, `prompt` and `retrieval` stays as it
 * is. Adds nothing. Throws `JsonRefused`, with a pointer from the manifest, for what `checkJson` refuses, for a name
 * beginning with `$` in free JSON, and for a `name` that is not NFC. Its depth counts from the body that holds it.
 */
export function canonicalManifest(manifest: object): object {
  if (Array.isArray(manifest)) throw new JsonRefused('', 'is not an object');
  const problem = checkJson(manifest, { maxDepth: MAX_DEPTH - 1 });
  if (problem !== undefined) throw new JsonRefused(problem.pointer, problem.message);
  return declaredMembers(manifest, []);
}

function declared(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item: unknown, i) => declared(item, [...path, i]));
  if (typeof value === 'object' && value !== null) return declaredMembers(value, path);
  return value;
}

function declaredMembers(object: object, path: Path): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    const here = [...path, name];
    if (name === 'name' && typeof value === 'string' && !isNfc(value))
      throw new JsonRefused(pointerOf(here), 'the name is not in Unicode normalisation form C (NFC)');
    const free = path.length === 0 && FREE.has(name);
    if (free) refuseDollars(value, here);
    const canonical = free ? value : declared(value, here);
    if (!isEmpty(canonical)) kept[name] = canonical;
  }
  return kept;
}

/** Names that begin with `$` are kept for envelopes to come. */
function refuseDollars(value: unknown, path: Path): void {
  if (typeof value !== 'object' || value === null) return;
  const isArray = Array.isArray(value);
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    path.push(isArray ? Number(name) : name);
    if (!isArray && name.startsWith('$'))
      throw new JsonRefused(pointerOf(path), 'a name in free JSON cannot begin with $');
    refuseDollars(inner, path);
    path.pop();
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every((member) => member === undefined);
}
