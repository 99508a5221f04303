import type { ASTNode } from '@marcbachmann/cel-js';
import { isInstant } from '@gatehouse/domain';

/** How a node comes to its value: of an operator from its operands, of a call from the list of its arguments. */
type Handle = (first: unknown, ...rest: unknown[]) => unknown;
type Checked = { readonly op: string; readonly args: unknown; handle?: Handle };

const ARITHMETIC = new Set(['+', '-', '*', '/']);
/** How texts are written that a conversion takes. The library would take "" for 0, "0x10" for 16, and 30 February for a day in March. */
const WRITTEN: { readonly [conversion: string]: (text: string) => boolean } = {
  int: (text) => /^[+-]?\d+$/.test(text),
  double: (text) => /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text),
  timestamp: isInstant,
};

/**
 * Makes of an expression whose types were checked one that errs where a number or an instant comes to nothing that there
 * is: whatever is compared with NaN is false, so its contrary would be true.
 */
export function makeStrict(node: ASTNode): void {
  const { op, args } = node as Checked;
  if (ARITHMETIC.has(op))
    replace(
      node,
      (handle) =>
        (...given) =>
          real(handle(...given)),
    );
  const [called] = op === 'call' ? (args as [string]) : [''];
  const isWritten = Object.hasOwn(WRITTEN, called) ? WRITTEN[called] : undefined;
  if (isWritten)
    replace(
      node,
      (handle) =>
        (given, ...rest) =>
          real(handle(written(given), ...rest)),
    );
  each(args);

  function written(given: unknown): unknown {
    const [text] = given as unknown[];
    if (typeof text !== 'string' || isWritten?.(text)) return given;
    throw new RangeError(`${called}() cannot read this text`);
  }
}

/** Arguments are nodes, lists of them, and plain values. */
function each(args: unknown): void {
  if (Array.isArray(args)) args.forEach(each);
  else if (typeof args === 'object' && args !== null && 'op' in args) makeStrict(args as ASTNode);
}

/** The check leaves it there, and the library does not declare it: without it nothing would be known of the expression. */
function replace(node: Checked, by: (handle: Handle) => Handle): void {
  if (typeof node.handle !== 'function') throw new TypeError(`${node.op} cannot be made strict`);
  node.handle = by(node.handle);
}

function real(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('comes to no finite number');
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new RangeError('comes to no instant');
  return value;
}
