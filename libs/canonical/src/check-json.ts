import { MAX_DEPTH, TOO_DEEP, whyNotName, whyNotNumber, whyNotString } from './judge';
import { type JsonProblem, type Path, pointerOf } from './problem';

export type JsonLimits = {
  /** 16 unless said otherwise, counted from the root of the value: `[]` is 1. */
  readonly maxDepth?: number;
};

/**
 * Judges a value that was parsed elsewhere (google.protobuf.Value, doubles) by the promises of `parseJson`, as far as a
 * value can still show them. Returns the first problem in the order of the members, or undefined. Members that are
 * undefined are absent. Never throws; the depth bounds it, also on a value that contains itself.
 */
export function checkJson(
  value: unknown,
  { maxDepth = MAX_DEPTH }: JsonLimits = {},
): JsonProblem | undefined {
  const path: Path = [];
  const message = judge(value, path, maxDepth);
  return message === undefined ? undefined : { pointer: pointerOf(path), message };
}

/** Leaves `path` at the problem. */
function judge(value: unknown, path: Path, maxDepth: number): string | undefined {
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'string') return whyNotString(value);
  if (typeof value === 'number') return whyNotNumber(value);
  if (typeof value === 'object') {
    if (path.length >= maxDepth) return TOO_DEEP(maxDepth);
    return Array.isArray(value) ? judgeItems(value, path, maxDepth) : judgeMembers(value, path, maxDepth);
  }
  return 'is not a JSON value';
}

function judgeItems(items: readonly unknown[], path: Path, maxDepth: number): string | undefined {
  for (let i = 0; i < items.length; i += 1) {
    path.push(i);
    const message = judge(items[i], path, maxDepth);
    if (message !== undefined) return message;
    path.pop();
  }
  return undefined;
}

function judgeMembers(object: object, path: Path, maxDepth: number): string | undefined {
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    if (value === undefined) continue;
    path.push(name);
    const message = whyNotName(name) ?? judge(value, path, maxDepth);
    if (message !== undefined) return message;
    path.pop();
  }
  return undefined;
}
