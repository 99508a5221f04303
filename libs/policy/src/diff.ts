import { canonicalJson } from '@gatehouse/canonical';
import { at } from './refused';

/** What differs between two documents, by JSON pointer: absent on one side means that it is not there. */
export type Change = { readonly pointer: string; readonly before?: unknown; readonly after?: unknown };

/** From one JSON value to another, in the order of the members of both. Lists are compared place by place. */
export function diff(before: unknown, after: unknown, pointer = ''): Change[] {
  if (before === undefined) return [{ pointer, after }];
  if (after === undefined) return [{ pointer, before }];
  if (!isNested(before) || !isNested(after) || Array.isArray(before) !== Array.isArray(after))
    return canonicalJson(before) === canonicalJson(after) ? [] : [{ pointer, before, after }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => diff(own(before, name), own(after, name), at(pointer, name)));
}

type Nested = { readonly [name: string]: unknown };

function isNested(value: unknown): value is Nested {
  return typeof value === 'object' && value !== null;
}

function own(value: Nested, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
