import vectors from '../vectors.json';
import {
  canonicalJson,
  canonicalManifest,
  checkJson,
  digestOf,
  JsonRefused,
  parseJson,
  sha256,
} from './index';

function refusedAt(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof JsonRefused) return error.pointer;
    throw error;
  }
  return undefined;
}

describe('vectors.json', () => {
  test.each(vectors.json.accepted)('JSON: $name', ({ text, canonical, digest }) => {
    const value = parseJson(text);
    expect(canonicalJson(value)).toBe(canonical);
    expect(digestOf(value)).toBe(digest);
    expect(checkJson(value)).toBeUndefined();
    expect(value).toEqual(JSON.parse(canonical));
    expect(canonicalJson(parseJson(canonical))).toBe(canonical);
  });

  test.each(vectors.json.canonicalOnly)('canonical form: $name', ({ text, canonical, digest }) => {
    expect(canonicalJson(JSON.parse(text))).toBe(canonical);
    expect(sha256(canonical)).toBe(digest);
    expect(refusedAt(() => parseJson(text))).toBeDefined();
  });

  test.each(vectors.json.refused)('refused JSON: $name', ({ text, pointer }) => {
    expect(refusedAt(() => parseJson(text))).toBe(pointer);
  });

  test.each(vectors.manifests.accepted)('manifest: $name', ({ manifest, canonical, digest }) => {
    const before = JSON.stringify(manifest);
    const value = canonicalManifest(parseJson(before) as object);
    expect(canonicalJson(value)).toBe(canonical);
    expect(digestOf(value)).toBe(digest);
    expect(canonicalManifest(value)).toEqual(value);
    expect(digestOf(canonicalManifest(manifest))).toBe(digest);
    expect(JSON.stringify(manifest)).toBe(before);
  });

  // Depth counts from the body, so the manifest goes in one.
  const asBody = (text: string): object =>
    (parseJson(`{"manifest":${text}}`) as { manifest: object }).manifest;

  test.each(vectors.manifests.refused)('refused manifest: $name', ({ text, pointer, httpOnly }) => {
    const inBody = refusedAt(() => asBody(text))?.replace('/manifest', '');
    const judged =
      httpOnly === true ? inBody : refusedAt(() => canonicalManifest(JSON.parse(text) as object));
    expect(judged).toBe(pointer);
    // Where both see it, both point at the same place.
    expect(inBody ?? pointer).toBe(pointer);
  });

  test('there are enough of them', () => {
    expect(vectors.json.accepted.length + vectors.json.refused.length).toBeGreaterThan(40);
    expect(vectors.manifests.accepted.length + vectors.manifests.refused.length).toBeGreaterThan(40);
  });
});
