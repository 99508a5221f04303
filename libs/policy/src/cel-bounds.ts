import type { ASTNode } from '@marcbachmann/cel-js';

/** What an expression can cost. */
export type Cost = {
  readonly nodes: number;
  /** How deep comprehensions are in each other. */
  readonly nesting: number;
  /** How often something is added: each can double the length of a list or a text. */
  readonly additions: number;
  /** How often a text is gone through from its beginning to its end. */
  readonly texts: number;
  /** How often what can be large is gone through: compared as a whole, or looked for something in. */
  readonly deep: number;
  /** Whatever can name something that is looked at. */
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
const READ_THROUGH = new Set([
  ...['contains', 'lowerAscii', 'upperAscii', 'trim', 'size'],
  ...['int', 'double', 'string', 'timestamp', 'duration'],
]);
const SMALL = new Set([
  ...['string', 'double', 'int', 'uint', 'bool', 'null'],
  ...['google.protobuf.Timestamp', 'google.protobuf.Duration'],
]);
/** The members of a manifest that hold more than a text: what is named by an expression can be any of them. */
const LARGE = ['artifacts', 'config', 'datasets', 'prompt', 'retrieval'];
const OPERATORS = new Set([
  ...['value', 'id', '.', '[]', 'list', 'map', '?:', '!_', '-_', 'in'],
  ...['==', '!=', '<', '<=', '>', '>=', '&&', '||', '+', '-', '*', '/', '%'],
]);

/** Why this expression, whose types were checked, is not taken; or what it can cost. Only what is known to be harmless is taken. */
export function boundsOf(ast: ASTNode): Cost | { readonly refused: string } {
  const walk = new Walk();
  const refused = walk.node(ast, 0);
  return refused === undefined ? walk : { refused };
}

class Walk implements Cost {
  nodes = 0;
  nesting = 0;
  additions = 0;
  texts = 0;
  deep = 0;
  readonly names = new Set<string>();

  node(node: ASTNode, depth: number): string | undefined {
    this.nodes++;
    const { op, args } = node as { op: string; args: unknown };
    if (op === 'call' || op === 'rcall') return this.call(op, args as unknown[], depth);
    if (!OPERATORS.has(op)) return `${op} is not taken here`;
    if (op === '+' && ++this.additions > MOST_ADDITIONS) return `adds more than ${MOST_ADDITIONS} times`;
    if (op === 'value') {
      if (typeof args === 'string') this.names.add(args);
      return undefined;
    }
    this.compared(op, args);
    if (op === 'id') this.names.add(String(args));
    if (op === '.') this.names.add(String((args as unknown[])[1]));
    return this.each(op === '.' || op === '[]' ? membersOf(args as unknown[]) : args, depth);
  }

  /** Small things are compared in no time. */
  private compared(op: string, args: unknown): void {
    if (op === '==' || op === '!=') {
      if (!(args as ASTNode[]).some(isSmall)) this.deep++;
    } else if (op === 'in') {
      const [what, where] = args as ASTNode[];
      if (!isSmall(what!) || !typeOf(where!).startsWith('map<')) this.deep++;
    } else if (op === '[]' && (args as ASTNode[])[1]?.op !== 'value')
      for (const name of LARGE) this.names.add(name);
  }

  private call(op: 'call' | 'rcall', [name, ...rest]: unknown[], depth: number): string | undefined {
    const called = String(name);
    if (called === 'matches')
      return 'matches() is not taken: a regular expression can take for ever; use startsWith, endsWith, contains';
    const known = op === 'call' ? FUNCTIONS : METHODS;
    if (!known.has(called)) return `${called}() is not taken here; there are ${[...known].sort().join(', ')}`;
    if (called.startsWith('get') && (rest.at(-1) as unknown[]).length > 0)
      return `${called}() is taken without a zone only: it is UTC`;
    if (READ_THROUGH.has(called)) this.readThrough(rest[0]);
    if (!COMPREHENSIONS.has(called)) return this.each(rest, depth);
    if (depth + 1 > MOST_NESTING) return `has comprehensions more than ${MOST_NESTING} deep in each other`;
    this.nesting = Math.max(this.nesting, depth + 1);
    const [receiver, inner] = rest;
    return this.each(receiver, depth) ?? this.each(inner, depth + 1);
  }

  /** A function is given a list of nodes, a method begins with its receiver. */
  private readThrough(args: unknown): void {
    const node = (Array.isArray(args) ? (args as unknown[])[0] : args) as ASTNode | undefined;
    if (!node) return;
    const type = typeOf(node);
    if (type === 'string') this.texts++;
    else if (type === 'dyn') this.deep++;
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

/** What is looked up in the manifest says itself which part of it that is. */
function membersOf([receiver, ...rest]: unknown[]): unknown[] {
  const { op, args } = receiver as { op: string; args: unknown };
  return op === 'id' && args === 'manifest' ? rest : [receiver, ...rest];
}

/** As the check found it; what it does not say can be anything. */
function typeOf(node: ASTNode): string {
  // The parser keeps it there, and does not declare it.
  const { checkedType } = node as { checkedType?: { toString(): string } };
  return checkedType?.toString() ?? 'dyn';
}

function isSmall(node: ASTNode): boolean {
  return node.op === 'value' || SMALL.has(typeOf(node));
}
