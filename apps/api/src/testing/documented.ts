import Ajv from 'ajv/dist/2020';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { POLICY_SCHEMA } from '@gatehouse/policy';
import type { Answer } from './edge';

type Response = { readonly $ref?: string; readonly headers?: object; readonly content?: object };
type Operation = {
  readonly requestBody?: object;
  readonly responses: { readonly [status: string]: Response };
};

const FILE = join(__dirname, '../../../../openapi.json');
const BASE = 'https://gatehouse.example/openapi.json';
/** Headers that say something; the others are of HTTP itself. */
const TOLD = /^(etag|location|retry-after|www-authenticate|idempotent-replayed|x-request-id|gatehouse-.+)$/;

/** Where a place is, as a JSON pointer in a URI. */
const pointer = (...names: readonly string[]) =>
  `#/${names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;

/** openapi.json, and whether what was really sent and answered is what it says. */
export class Documented {
  private readonly document = JSON.parse(readFileSync(FILE, 'utf8')) as {
    readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
    readonly components: { readonly responses: { readonly [name: string]: Response } };
  };
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly seen = new Set<string>();

  constructor() {
    this.ajv.addSchema(closed(POLICY_SCHEMA), new URL('/v1/policy.schema.json', BASE).href);
    this.ajv.addSchema(closed(this.document), BASE);
  }

  /** What the document does not say of an answer, and of the body that it answers if that was taken; empty: it says all of it. */
  faults(method: string, url: string, answer: Answer, sent?: unknown): string[] {
    const [path] = url.split('?') as [string];
    const found = this.find(method, path);
    const at = `${method} ${path} ${answer.status}`;
    if (!found) return [`${at}: no such operation`];
    const { responses, requestBody } = found.operation;
    const status = responses[answer.status] ? String(answer.status) : 'default';
    const { response, place } = this.resolved(responses[status]!, [...found.place, 'responses', status]);
    const faults = [...ofHeaders(response, answer), ...this.ofContent(response, place, answer)];
    if (sent !== undefined && answer.status < 300)
      faults.push(
        ...(requestBody ? this.ofValue([...found.place, 'requestBody'], JSON_TYPE, sent) : ['takes no body']),
      );
    const told = headersOf(response).filter((name) => answer.headers.has(name));
    for (const name of ['', ...told]) this.seen.add(JSON.stringify([...found.place, status, name]));
    return [...new Set(faults)].map((fault) => `${at}: ${fault}`);
  }

  /** The answers that the document speaks of, and their headers, that nobody has seen yet; of problems nothing. */
  unseen(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.entries(responses)
          .filter(([status]) => status !== 'default')
          .flatMap(([status, response]) => ['', ...headersOf(response)].map((header) => [status, header]))
          .filter((last) => !this.seen.has(JSON.stringify(['paths', path, method, ...last])))
          .map(([status, header]) => `${method.toUpperCase()} ${path} ${status} ${header}`),
      ),
    );
  }

  /** The operation of a path: what is written out goes before what is in braces. */
  private find(method: string, path: string): { place: string[]; operation: Operation } | undefined {
    const verb = method.toLowerCase();
    const braces = (template: string) => template.split('{').length;
    const [template] = Object.keys(this.document.paths)
      .filter((one) => this.document.paths[one]![verb] !== undefined)
      .filter((one) =>
        new RegExp(`^${one.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path),
      )
      .sort((a, b) => braces(a) - braces(b));
    if (template === undefined) return undefined;
    return { place: ['paths', template, verb], operation: this.document.paths[template]![verb]! };
  }

  /** What a response refers to, and where that is. */
  private resolved(response: Response, place: string[]): { response: Response; place: string[] } {
    const [, name] = /^#\/components\/responses\/(.+)$/.exec(response.$ref ?? '') ?? [];
    if (name === undefined) return { response, place };
    const { responses } = this.document.components;
    return { response: responses[name]!, place: ['components', 'responses', name] };
  }

  private ofContent(
    { content = {} }: Response,
    place: readonly string[],
    { headers, text }: Answer,
  ): string[] {
    const type = headers.get('content-type')?.split(';')[0];
    if (type === undefined) return text === '' ? [] : ['has no media type'];
    if (!Object.hasOwn(content, type)) return [`has ${type}`];
    return valuesOf(type, text).flatMap((value) => this.ofValue(place, type, JSON.parse(value)));
  }

  private ofValue(place: readonly string[], type: string, value: unknown): string[] {
    const $ref = `${BASE}${pointer(...place, 'content', type, 'schema')}`;
    const valid = this.ajv.getSchema($ref);
    if (!valid) return [`nothing says what ${type} holds`];
    if (valid(value)) return [];
    return (valid.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath.replace(/\/\d+/g, '/…')} ${message} ${JSON.stringify(params)}`,
    );
  }
}

const JSON_TYPE = 'application/json';

/** The texts in an answer that are JSON. */
function valuesOf(type: string, text: string): string[] {
  if (type.endsWith('ndjson')) return text.split('\n').filter((line) => line !== '');
  return type.endsWith('json') ? [text] : [];
}

function ofHeaders(response: Response, { headers }: Answer): string[] {
  const known = headersOf(response);
  return [...headers.keys()]
    .filter((name) => TOLD.test(name) && !known.includes(name))
    .map((name) => `has ${name}`);
}

function headersOf({ headers = {} }: Response): string[] {
  return Object.keys(headers).map((name) => name.toLowerCase());
}

/** A copy in which an object has no other members than those that are named. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map((item: unknown) => closed(item)) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isObject = copy['type'] === 'object' && copy['properties'] !== undefined;
  return (isObject ? { additionalProperties: false, ...copy } : copy) as T;
}
