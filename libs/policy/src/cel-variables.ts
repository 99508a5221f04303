import { Environment } from '@marcbachmann/cel-js';
import type { Variables } from '@gatehouse/domain';

// What an expression can name, and of which type. This table is what docs/policies.md tells, and what is checked when a
// policy is published. Numbers are doubles.

/** Where an expression stands, which says what it can name. */
export type Place = 'register' | 'production';

class Artifact {}
class Code {}
class Dataset {}
class Framework {}
class Manifest {}
class Version {}
class Evaluation {}
class Delta {}
class Approval {}

type Fields = { readonly [field: string]: string };
type Kind = { readonly ctor: new () => object; readonly fields: Fields };

const TIME = 'google.protobuf.Timestamp';

/** Fields that are absent from a manifest are absent here: `has()` asks, and looking at one is inconclusive. */
export const TYPES: { readonly [name: string]: Kind } = {
  Artifact: { ctor: Artifact, fields: { name: 'string', uri: 'string', digest: 'string', bytes: 'double' } },
  Code: { ctor: Code, fields: { repository: 'string', revision: 'string' } },
  Dataset: {
    ctor: Dataset,
    fields: {
      name: 'string',
      role: 'string',
      version: 'string',
      digest: 'string',
      size: 'double',
      source: 'string',
      license: 'string',
    },
  },
  Framework: { ctor: Framework, fields: { name: 'string', version: 'string' } },
  Manifest: {
    ctor: Manifest,
    fields: {
      artifacts: 'list<Artifact>',
      code: 'Code',
      config: 'dyn',
      prompt: 'dyn',
      retrieval: 'dyn',
      datasets: 'list<Dataset>',
      framework: 'Framework',
      parent: 'double',
      run: 'string',
    },
  },
  Version: {
    ctor: Version,
    fields: { number: 'double', digest: 'string', label: 'string', author: 'string', registrar: 'string' },
  },
  Evaluation: {
    ctor: Evaluation,
    fields: { suite: 'string', at: TIME, passed: 'bool', metrics: 'map<string, double>' },
  },
  Delta: { ctor: Delta, fields: { suite: 'string', metric: 'string', live: 'double', delta: 'double' } },
  Approval: { ctor: Approval, fields: { by: 'string', at: TIME, capacities: 'list<string>' } },
};

const ANYWHERE: Fields = {
  model: 'string',
  version: 'Version',
  changelog: 'string',
  manifest: 'Manifest',
  now: TIME,
};

export const VARIABLES: Readonly<Record<Place, Fields>> = {
  register: ANYWHERE,
  production: {
    ...ANYWHERE,
    evaluations: 'list<Evaluation>',
    metrics: 'map<string, map<string, double>>',
    deltas: 'list<Delta>',
    approvals: 'list<Approval>',
    promoter: 'string',
  },
};

const LIMITS = {
  maxAstNodes: 200,
  maxDepth: 16,
  maxListElements: 20,
  maxMapEntries: 20,
  maxCallArguments: 4,
};

/** An environment with the variables of a place, and no others. */
export function environmentOf(place: Place): Environment {
  const environment = new Environment({ limits: LIMITS });
  for (const [name, kind] of Object.entries(TYPES)) environment.registerType(name, kind);
  for (const [name, type] of Object.entries(VARIABLES[place])) environment.registerVariable(name, type);
  return environment;
}

/** Plain data as the types above: instances of their classes, instants as such. What is absent stays absent. */
export function typed(place: Place, variables: Variables): Record<string, unknown> {
  return members(VARIABLES[place], variables, {});
}

function members(fields: Fields, from: object, into: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(from) as [string, unknown][]) {
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (type !== undefined && value !== undefined) into[name] = asType(type, value);
  }
  return into;
}

function asType(type: string, value: unknown): unknown {
  if (type === TIME) return new Date(value as string);
  const item = /^list<(\w+)>$/.exec(type)?.[1];
  if (item !== undefined && Array.isArray(value)) return value.map((one: unknown) => asType(item, one));
  const kind = TYPES[type];
  // A class of ours and plain data with the fields of its table.
  return kind ? members(kind.fields, value as object, new kind.ctor() as Record<string, unknown>) : value;
}
