/** google.protobuf.Value as `@grpc/proto-loader` gives and takes it: one member, or none at all. */
export type ProtoValue = {
  nullValue?: 'NULL_VALUE' | number;
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: ProtoStruct;
  listValue?: { values?: ProtoValue[] };
};

/** google.protobuf.Struct, likewise. */
export type ProtoStruct = { fields?: { [name: string]: ProtoValue } };

/** Plain JSON to a Value. Members that are undefined are left out; what is not JSON is a TypeError. */
export function toValue(json: unknown): ProtoValue {
  if (json === null) return { nullValue: 'NULL_VALUE' };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } };
  if (typeof json === 'object') return { structValue: toStruct(json) };
  throw new TypeError(`${typeof json} has no JSON form`);
}

/** A plain JSON object to a Struct. */
export function toStruct(json: object): ProtoStruct {
  return { fields: mapMembers(json, toValue) };
}

/**
 * A Value to plain JSON, judging nothing: NaN, an infinity or a member named `__proto__` (an own one; no prototype is
 * touched) come out for `checkJson` to refuse. -0 becomes 0, as in `parseJson`; a Value without a kind, which some clients send
 * for null, is null.
 */
export function fromValue(value: ProtoValue): unknown {
  if (value.numberValue !== undefined) return value.numberValue === 0 ? 0 : value.numberValue;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.structValue !== undefined) return fromStruct(value.structValue);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(fromValue);
  return null;
}

/** A Struct to a plain JSON object. */
export function fromStruct(struct: ProtoStruct): Record<string, unknown> {
  return mapMembers(struct.fields ?? {}, fromValue);
}

function mapMembers<From, To>(object: object, change: (value: From) => To): Record<string, To> {
  const changed: Record<string, To> = {};
  for (const [name, value] of Object.entries(object) as [string, From | undefined][]) {
    if (value === undefined) continue;
    // An assignment to `__proto__` would set the prototype.
    if (name === '__proto__')
      Object.defineProperty(changed, name, {
        value: change(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else changed[name] = change(value);
  }
  return changed;
}
