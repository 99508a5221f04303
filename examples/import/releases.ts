import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One line of the file: what was published, and when. */
export type Release = {
  readonly model: string;
  readonly version: string;
  readonly released: string;
  readonly codeRevision: string | null;
  readonly metrics: { readonly [name: string]: number };
  readonly sources: readonly { readonly name: string; readonly url?: string; readonly license?: string }[];
  readonly [more: string]: unknown;
};

/** The releases of an NDJSON file, in its order. Throws with the number of a line that is not a release. */
export async function readReleases(file: string): Promise<Release[]> {
  const releases: Release[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file) })) {
    line += 1;
    if (text.trim() !== '') releases.push(parse(text, `${file}, line ${line}`));
  }
  return releases;
}

function parse(text: string, where: string): Release {
  let release: Partial<Release>;
  try {
    release = JSON.parse(text) as Partial<Release>;
  } catch {
    throw new Error(`${where}: not JSON`);
  }
  const { model, version, released } = release ?? {};
  if (typeof model !== 'string' || typeof version !== 'string' || typeof released !== 'string')
    throw new Error(`${where}: a release needs model, version and released`);
  return {
    ...release,
    model,
    version,
    released,
    codeRevision: release.codeRevision ?? null,
    metrics: release.metrics ?? {},
    sources: release.sources ?? [],
  };
}
