type Json = { [member: string]: unknown };
type Schemas = Record<string, object>;

/** Nest writes `nullable`, which OpenAPI 3.1 does not have: there null is a type. */
export function withNullAsType<T>(document: T): T {
  if (Array.isArray(document)) return document.map((item: unknown) => withNullAsType(item)) as T;
  if (typeof document !== 'object' || document === null) return document;
  const { nullable, ...schema } = mapped(document as Json);
  if (nullable !== true) return (nullable === undefined ? schema : { nullable, ...schema }) as T;
  const { type, allOf, ...rest } = schema;
  if (allOf !== undefined) return { ...rest, anyOf: [...(allOf as unknown[]), { type: 'null' }] } as T;
  const values = rest['enum'] === undefined ? {} : { enum: [...(rest['enum'] as unknown[]), null] };
  return { ...rest, ...values, type: [type, 'null'] } as T;
}

/** Nest writes what may be any JSON as an object of which nothing is known: of a real one it knows the members. */
export function withAnyJson<T>(document: T): T {
  if (Array.isArray(document)) return document.map((item: unknown) => withAnyJson(item)) as T;
  if (typeof document !== 'object' || document === null) return document;
  const schema = Object.fromEntries(
    Object.entries(document).map(([name, value]) => [name, withAnyJson(value as unknown)]),
  );
  const bare = schema['type'] === 'object' && !('properties' in schema || 'additionalProperties' in schema);
  if (bare) delete schema['type'];
  return schema as T;
}

/** Without the schemas that nothing refers to: Nest also lists the messages of the gRPC controllers. */
export function withoutUnused(schemas: Schemas, paths: unknown): Schemas {
  const used = new Set<string>();
  const look = (value: unknown) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name!)) continue;
      used.add(name!);
      look(schemas[name!]);
    }
  };
  look(paths);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
}

function mapped(object: Json): Json {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, withNullAsType(value)]));
}
