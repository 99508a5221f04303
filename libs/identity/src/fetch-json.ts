const MOST_BYTES = 512 * 1024;

/** A JSON object from a URL: status 200, no redirect, at most 512 KiB, all of it within the time given. Throws otherwise. */
export async function fetchJson(
  url: string,
  timeoutMs: number,
): Promise<{ readonly [name: string]: unknown }> {
  // The signal ends the reading of the body, too.
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel();
    throw new Error(`${url} answered ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Node types the stream of a body loosely; fetch promises bytes.
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`${url} answered more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${url} answered no JSON object`);
  return value as { readonly [name: string]: unknown }; // checked on the line above
}
