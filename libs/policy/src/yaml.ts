import { checkJson, JsonRefused, parseJson } from '@gatehouse/canonical';
import { isAlias, isMap, isScalar, isSeq, Lexer, parseDocument, type Node, type Scalar } from 'yaml';
import { at, PolicyRefused } from './refused';

/** The largest text, and how much there may be in it: what takes long to read is refused before it is. */
export const YAML_LIMITS = { bytes: 32 * 1024, tokens: 3_000, depth: 16 } as const;

/**
 * YAML to the JSON value that it writes, by the promises of `parseJson`: no duplicate keys, numbers as JSON writes them
 * and as they will be kept, no depth beyond 16. Of YAML's own: no aliases or anchors, no tags, one document.
 */
export function parseYaml(text: string): unknown {
  refuseHuge(text);
  const document = parseDocument(text, {
    schema: 'core',
    // Ours is linear; that of the library compares every pair.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error) throw refused('', `is not valid YAML: ${error.message}`);
  const value = plain(document.contents, '', 0);
  const problem = checkJson(value);
  if (problem) throw refused(problem.pointer, problem.message);
  return value;
}

/** Counts without building anything. */
function refuseHuge(text: string): void {
  if (Buffer.byteLength(text) > YAML_LIMITS.bytes)
    throw refused('', `is larger than ${YAML_LIMITS.bytes / 1024} KiB`);
  let tokens = 0;
  let depth = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > YAML_LIMITS.tokens) throw refused('', `has more than ${YAML_LIMITS.tokens} tokens`);
    if (lexeme === '[' || lexeme === '{') depth++;
    if (lexeme === ']' || lexeme === '}') depth--;
    if (depth > YAML_LIMITS.depth) throw refused('', `is nested deeper than ${YAML_LIMITS.depth}`);
  }
}

function plain(node: Node | null, pointer: string, depth: number): unknown {
  if (node === null) return null;
  if (depth > YAML_LIMITS.depth) throw refused(pointer, `is nested deeper than ${YAML_LIMITS.depth}`);
  if (isAlias(node)) throw refused(pointer, 'is an alias; write out what it stands for');
  if ('anchor' in node && node.anchor !== undefined) throw refused(pointer, 'has an anchor; leave it out');
  if (node.tag !== undefined) throw refused(pointer, 'has a tag; leave it out');
  if (isSeq<Node | null>(node)) return node.items.map((item, i) => plain(item, at(pointer, i), depth + 1));
  if (isMap<Node | null, Node | null>(node)) return mapping(node.items, pointer, depth);
  if (isScalar(node)) return scalar(node, pointer);
  throw refused(pointer, 'is nothing that JSON knows');
}

type Pairs = readonly { readonly key: Node | null; readonly value: Node | null }[];

function mapping(pairs: Pairs, pointer: string, depth: number): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  for (const { key, value } of pairs) {
    if (!isScalar(key) || typeof key.value !== 'string' || key.tag !== undefined || key.anchor !== undefined)
      throw refused(pointer, 'has a key that is not plain text; put it in quotes');
    const here = at(pointer, key.value);
    if (entries.has(key.value)) throw refused(here, 'the name is there twice');
    entries.set(key.value, plain(value, here, depth + 1));
  }
  // `__proto__` becomes a member like any other, for `checkJson` to refuse.
  return Object.fromEntries(entries);
}

/** A number has to be one in JSON too: YAML's octals, infinities and the like are more often slips than numbers. */
function scalar({ value, source }: Scalar, pointer: string): unknown {
  if (typeof value !== 'number' && typeof value !== 'bigint') return value;
  try {
    return parseJson(source ?? '');
  } catch (error) {
    if (error instanceof JsonRefused)
      throw refused(pointer, `write the number as JSON does, or put the text in quotes (${error.message})`);
    throw error;
  }
}

function refused(pointer: string, message: string): PolicyRefused {
  return new PolicyRefused([{ pointer, message }]);
}
