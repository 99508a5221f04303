import { fromFile, Parser } from '@asyncapi/parser';
import addFormats from 'ajv-formats';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CONTRACTS = join(__dirname, '../../../contracts');

/** A record as a consumer gets it. */
export type Received = {
  readonly topic: string;
  readonly headers: { readonly [name: string]: string };
  readonly value: Buffer | null;
};

let opened: Promise<MessageContract> | undefined;

/**
 * What is wrong with records of the channels, duplicates too, against both documents; of many faults the first. Every
 * spec that reads what was sent, or sends it, asks this: nothing that a test produces goes without.
 */
export async function faultsOf(records: readonly Received[], prefix: string): Promise<string[]> {
  const contract = await (opened ??= MessageContract.open());
  const faults = records.flatMap((record) =>
    contract.wrongWith(record, prefix).map((wrong) => `${record.topic} ${record.headers['ce_id']}: ${wrong}`),
  );
  return [...contract.complaints, ...faults.slice(0, 20)];
}

/** What we promise about messages, twice: the JSON Schemas as they are, and the AsyncAPI document that refers to them. */
export class MessageContract {
  private constructor(
    private readonly schemas: (name: string) => ValidateFunction,
    private readonly channels: { readonly [channel: string]: readonly ValidateFunction[] },
    readonly complaints: readonly string[],
  ) {}

  static async open(): Promise<MessageContract> {
    const source = fromFile(new Parser(), join(CONTRACTS, 'asyncapi.yaml'));
    const { document, diagnostics } = await source.parse();
    const complaints = diagnostics
      .filter(({ code }) => code !== 'asyncapi-latest-version')
      .map(({ code, message }) => `${code}: ${message}`);
    const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
    const channels: { [channel: string]: ValidateFunction[] } = {};
    for (const channel of document?.channels() ?? [])
      channels[channel.address()!] = channel
        .messages()
        .all()
        .map((message) => ajv.compile(message.payload()!.json()));
    return new MessageContract(schemasOf(), channels, complaints);
  }

  /** What is wrong with a message; nothing: it is as promised. */
  wrongWith({ topic, headers, value }: Received, prefix: string): string[] {
    const channel = topic.slice(prefix.length + 1).replace(/\.v1$/, '');
    const wrong = errors(this.schemas('headers'), headers);
    if (value === null)
      return headers['ce_dataref'] === undefined ? [...wrong, 'no body, no dataref'] : wrong;
    const body = JSON.parse(value.toString()) as { event: string };
    const name = channel === 'lifecycle' ? channel : `${channel}.${body.event}`;
    const documented = this.channels[`{prefix}.${channel}.v1`] ?? [];
    const fits = documented.filter((validate) => validate(body)).length;
    return [
      ...wrong,
      ...errors(this.schemas(name), body),
      ...(fits === 1 ? [] : [`${fits} messages of ${channel} in asyncapi.yaml fit`]),
    ];
  }
}

/** The files, and stricter than they are: a member that they do not name is an error here, and none to a consumer. */
function schemasOf(): (name: string) => ValidateFunction {
  const folder = join(CONTRACTS, 'messages');
  const ajv = addFormats(
    new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }),
  );
  for (const file of readdirSync(folder)) {
    const schema = JSON.parse(readFileSync(join(folder, file), 'utf8')) as object;
    ajv.addSchema(closed(schema) as object, file);
  }
  return (name) => {
    const validate = ajv.getSchema(`${name}.schema.json`);
    if (validate === undefined) throw new Error(`there is no schema for ${name}`);
    return validate;
  };
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  // Only what lists all its members: conditions and maps do not.
  const lists = 'properties' in schema && 'required' in schema;
  return lists ? { ...inner, additionalProperties: false } : inner;
}

function errors(validate: ValidateFunction, value: unknown): string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
