/** What is wrong with a JSON value, and where: `pointer` is RFC 6901, '' is the whole. */
export type JsonProblem = { readonly pointer: string; readonly message: string };

/** JSON that is not taken in, with the first thing that is wrong with it. */
export class JsonRefused extends Error implements JsonProblem {
  override readonly name = 'JsonRefused';
  constructor(
    readonly pointer: string,
    message: string,
  ) {
    super(message);
  }
}

/** Where a problem is: member names and indices from the root. */
export type Path = (string | number)[];

const POINTER_LIMIT = 1_000;

/**
 * RFC 6901. Names come from the client and the pointer goes back in answers and trailers: where it would get longer
 * than 1,000 characters it ends at the nearest ancestor that fits. Always well-formed text.
 */
export function pointerOf(path: Path): string {
  let pointer = '';
  for (const step of path) {
    const next = `${pointer}/${String(step).slice(0, POINTER_LIMIT).replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (next.length > POINTER_LIMIT) break;
    pointer = next;
  }
  return pointer.replace(/\p{Surrogate}/gu, '\ufffd');
}
