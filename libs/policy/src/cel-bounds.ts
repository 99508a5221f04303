import type { ASTNode } from '@marcbachmann/cel-js';

/** What an expression can cost. */
export type Cost = {
  readonly nodes: number;
  /** How deep comprehensions are in each other. */
  readonly nesting: number;
  /** How often something is added: each can double the length of a list or a text. */
  readonly additions: number;
  readonly names: ReadonlySet<string>;
};

const MOST_NESTING = 2;
const MOST_ADDITIONS = 8;

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const FUNCTIONS = new Set(['has', 'size', 'int', 'double', 'string', 'timestamp', 'duration']);
const METHODS = new Set([
  ...COMPREHENSIONS,
  ...['size', 'startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii', 'trim'],
  ...[
    'getFullYear',
    'getMonth',
    'getDate',
    'getDayOfWeek',
    'getDayOfYear',
    'getHours',
    'getMinutes',
    'getSeconds',
  ],
]);
const OPERATORS = new Set([
  ...['value', 'id', '.', '[]', 'list', 'map', '?:', '!_', '-_', 'in'],
  ...['==', '!=', '<', '<=', '>', '>=', '&&', '||', '+', '-', '*', '/', '%'],
]);

/** Why this expression is not taken, or what it can cost. Only what is known to be harmless is taken. */
export function boundsOf(ast: ASTNode): Cost | { readonly refused: string } {
  const walk = new Walk();
  const refused = walk.node(ast, 0);
  return refused === undefined ? walk : { refused };
}

class Walk implements Cost {
  nodes = 0;
  nesting = 0;
  additions = 0;
  readonly names = new Set<string>();

  node(node: ASTNode, depth: number): string | undefined {
    this.nodes++;
    const { op, args } = node as { op: string; args: unknown };
    if (op === 'call' || op === 'rcall') return this.call(op, args as unknown[], depth);
    if (!OPERATORS.has(op)) return `${op} is not taken here`;
    if (op === '+' && ++this.additions > MOST_ADDITIONS) return `adds more than ${MOST_ADDITIONS} times`;
    if (op === 'value') return undefined;
    if (op === 'id') this.names.add(String(args));
    if (op === '.') this.names.add(String((args as unknown[])[1]));
    return this.each(args, depth);
  }

  private call(op: 'call' | 'rcall', [name, ...rest]: unknown[], depth: number): string | undefined {
    const called = String(name);
    if (called === 'matches')
      return 'matches() is not taken: a regular expression can take for ever; use startsWith, endsWith, contains';
    const known = op === 'call' ? FUNCTIONS : METHODS;
    if (!known.has(called)) return `${called}() is not taken here; there are ${[...known].sort().join(', ')}`;
    if (called.startsWith('get') && (rest.at(-1) as unknown[]).length > 0)
      return `${called}() is taken without a zone only: it is UTC`;
    if (!COMPREHENSIONS.has(called)) return this.each(rest, depth);
    if (depth + 1 > MOST_NESTING) return `has comprehensions more than ${MOST_NESTING} deep in each other`;
    this.nesting = Math.max(this.nesting, depth + 1);
    const [receiver, inner] = rest;
    return this.each(receiver, depth) ?? this.each(inner, depth + 1);
  }

  /** Arguments are nodes, lists of them, and plain values. */
  private each(args: unknown, depth: number): string | undefined {
    if (Array.isArray(args)) {
      for (const one of args as unknown[]) {
        const refused = this.each(one, depth);
        if (refused !== undefined) return refused;
      }
      return undefined;
    }
    return typeof args === 'object' && args !== null && 'op' in args
      ? this.node(args as ASTNode, depth)
      : undefined;
  }
}
