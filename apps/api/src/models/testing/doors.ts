import { fromStruct, toValue, type ProtoStruct } from '@gatehouse/contracts';
import type { Who } from '../../../../../test/support/keys';
import type { Edge } from '../../testing/edge';

export type Verb = 'register' | 'evaluate' | 'approve' | 'promote' | 'rollBack' | 'deprecate';
type Json = Record<string, unknown>;

/** A write, as a client of either door would say it. */
export type Ask = {
  verb: Verb;
  model: string;
  version?: number | string;
  /** Text goes over HTTP as it is. */
  body: Json | string;
  actor?: string;
  kind?: 'user' | 'service';
  tenant?: string;
  /** With this credential, whoever is named above. */
  authorization?: string;
  key?: string;
  ifMatch?: string;
};

/** What came back, in one form for both doors: what is null over HTTP is absent. */
export type Told = {
  /** `ok`, or the problem's code. */
  code: string;
  /** Of HTTP, or of gRPC. */
  status: number;
  changed?: boolean;
  position?: string;
  version?: Json;
  live?: Json;
  event?: Json;
  /** Headers, or initial metadata. */
  headers: { position?: string; etag?: string; replayed?: string };
  location?: string;
  detail?: string;
  errors?: readonly { pointer: string; message: string }[];
  /** Members that some codes carry: gate, missing, earliest, live. */
  facts?: Json;
};

/** One of the two doors, or both by turns: the same question in, the same form of answer out. */
export type Door = { readonly name: string; ask(question: Ask): Promise<Told> };

/** Matches any text. */
export const SOME_TEXT = expect.any(String) as unknown;

const PATHS: Record<Verb, (version: Ask['version']) => string> = {
  register: () => 'versions',
  evaluate: (n) => `versions/${n}/evaluations`,
  approve: (n) => `versions/${n}/approvals`,
  promote: (n) => `versions/${n}/promotion`,
  rollBack: () => 'rollback',
  deprecate: (n) => `versions/${n}/deprecation`,
};

export function httpDoor(edge: Edge): Door {
  return { name: 'HTTP', ask: (question) => overHttp(edge, question) };
}

export function grpcDoor(edge: Edge): Door {
  return { name: 'gRPC', ask: (question) => overGrpc(edge, question) };
}

/** Every second question goes through the other door. */
export function byTurns(edge: Edge): Door {
  const doors = [httpDoor(edge), grpcDoor(edge)];
  let turn = 0;
  return { name: 'both by turns', ask: (question) => doors[turn++ % 2]!.ask(question) };
}

async function overHttp(edge: Edge, question: Ask): Promise<Told> {
  const { verb, model, version, body: asked } = question;
  const { status, headers, body } = await edge.http(`/v1/models/${model}/${PATHS[verb](version)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headersOf(question) },
    body: typeof asked === 'string' ? asked : JSON.stringify(asked),
  });
  const header = (name: string) => headers.get(name) ?? undefined;
  const told = {
    status,
    headers: {
      position: header('gatehouse-position'),
      etag: header('etag'),
      replayed: header('idempotent-replayed'),
    },
  };
  if (status < 300) {
    const { event, ...answer } = body as Json & { event: (Json & { data: Json }) | null };
    return {
      code: 'ok',
      ...told,
      location: header('location'),
      ...withoutNull(answer),
      ...(event && { event: { ...withoutNull(event), data: event.data } }),
    };
  }
  const { type, title, status: _, detail, instance, code, errors, ...facts } = body;
  expect({ type, title, instance, mediaType: header('content-type') }).toEqual({
    type: `urn:gatehouse:${code as string}`,
    title: SOME_TEXT,
    instance: header('x-request-id'),
    mediaType: 'application/problem+json',
  });
  return {
    code: code as string,
    ...told,
    detail: detail as string,
    errors: errors as Told['errors'],
    facts: asJson(facts),
  };
}

async function overGrpc(edge: Edge, question: Ask): Promise<Told> {
  const { verb, model, version } = question;
  const method = verb[0]!.toUpperCase() + verb.slice(1);
  const message = { ...messageOf(question), model, ...(version !== undefined && { version }) };
  const answer = await edge.rpc(method, message, headersOf(question));
  const entry = (name: string) => answer.initial.get(name)[0]?.toString();
  const told = {
    status: answer.code,
    headers: {
      position: entry('gatehouse-position'),
      etag: entry('etag'),
      replayed: entry('idempotent-replayed'),
    },
  };
  if (answer.message) {
    const { event, changed = false, ...rest } = answer.message as Json & { event?: Json };
    const data = event && fromStruct(event['data'] as ProtoStruct);
    return {
      code: 'ok',
      ...told,
      changed: changed as boolean,
      ...rest,
      ...(event && { event: { ...event, data } }),
    };
  }
  const { reason, message: detail, fieldViolations, metadata: { instance, ...facts } = {} } = answer.details!;
  expect(answer.trailing?.get('x-request-id')).toEqual([instance]);
  return {
    code: reason,
    ...told,
    detail,
    errors: fieldViolations?.map(({ field, description }) => ({ pointer: field, message: description })),
    facts: Object.fromEntries(
      Object.entries(facts).map(([name, text]) => [name, JSON.parse(text) as unknown]),
    ),
  };
}

/** A body of HTTP as the fields of a message: free JSON becomes a Value, a version's number in `from` a text. */
function messageOf({ body }: Ask): Json {
  if (typeof body === 'string') throw new TypeError('text can go over HTTP only');
  const message: Json = { ...body };
  if (typeof body['from'] === 'number') message['from'] = String(body['from']);
  const manifest = body['manifest'] as Json | undefined;
  if (manifest) message['manifest'] = manifestMessage(manifest);
  return message;
}

/** What is null or empty cannot travel: to a message they are one, which is the rule for a manifest anyway. */
function manifestMessage(manifest: Json): Json {
  const message = withoutNull(manifest);
  for (const member of ['config', 'prompt', 'retrieval'])
    if (manifest[member] !== undefined) message[member] = toValue(manifest[member]);
  return message;
}

/** Who asks a question, where it says nobody. */
export function callerOf({
  actor = 'ci',
  kind = 'user',
  tenant,
}: Pick<Ask, 'actor' | 'kind' | 'tenant'>): Who {
  return { actor, kind, tenant };
}

function headersOf(question: Ask): Record<string, string> {
  const { authorization, key, ifMatch } = question;
  const { actor, kind, tenant } = callerOf(question);
  return asJson({
    'gatehouse-actor': actor === '' ? undefined : actor,
    'gatehouse-actor-kind': kind,
    'gatehouse-tenant': tenant,
    authorization,
    'idempotency-key': key,
    'if-match': ifMatch,
  });
}

/** Without the members that are null, at every level of objects and arrays. */
export function withoutNull<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (_, inner: unknown) => inner ?? undefined)) as T;
}

/** As it would travel: without what is undefined. */
function asJson<T>(value: object): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
