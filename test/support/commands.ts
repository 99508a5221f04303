import { randomUUID } from 'node:crypto';
import { GrpcClient, struct } from './grpc';
import { type Call, type Event, HttpClient } from './http';
import { CI, EVALUATION, manifest, RELEASER, REVIEWER } from './life';

/** One command, as either door takes it. */
export type Command = {
  readonly model: string;
  readonly call: Call;
  readonly http: { readonly path: string; readonly body: object };
  readonly grpc: { readonly method: string; readonly request: object };
};

/** What is known of a command: that it was recorded and as what, that nothing was, or nothing at all (the connection broke, or 503). */
export type Outcome =
  | {
      readonly kind: 'recorded';
      readonly id: string;
      readonly position: string;
      readonly version: number;
      readonly replayed: boolean;
    }
  | { readonly kind: 'nothing'; readonly code: string | null; readonly version: number | null }
  | { readonly kind: 'unknown' };

type Doors = { readonly http: HttpClient; readonly grpc: GrpcClient };
type Answer = {
  changed: boolean;
  position: string;
  version?: { version: number } | null;
  event?: Event | null;
  code?: string;
};

/** Sends a command through one of the doors, under a request id that the event will carry as its correlation. */
export async function send(
  doors: Doors,
  door: keyof Doors,
  command: Command,
  requestId: string,
): Promise<Outcome> {
  const call = { ...command.call, requestId };
  if (door === 'grpc') {
    const answer = await doors.grpc.call<Answer>(command.grpc.method, command.grpc.request, call);
    if (answer.ok) return known(answer.body, undefined);
    return answer.code === null || isOutage(answer.code)
      ? { kind: 'unknown' }
      : { kind: 'nothing', code: answer.code, version: null };
  }
  try {
    const { status, body, headers } = await doors.http.post(command.http.path, {
      ...call,
      body: command.http.body,
    });
    if (status < 300) return known(body, headers['idempotent-replayed']);
    return isOutage(body.code!) ? { kind: 'unknown' } : { kind: 'nothing', code: body.code!, version: null };
  } catch {
    return { kind: 'unknown' };
  }
}

const isOutage = (code: string) =>
  ['outcome-unknown', 'store-unavailable', 'stopping', 'internal', 'timeout'].includes(code);

function known(answer: Answer, replayed: string | string[] | undefined): Outcome {
  const version = answer.version?.version ?? null;
  if (!answer.changed || !answer.event) return { kind: 'nothing', code: null, version };
  return {
    kind: 'recorded',
    id: answer.event.id,
    position: answer.position,
    version: version ?? 0,
    replayed: replayed === 'true',
  };
}

const versionPath = (model: string, version: number) => `/v1/models/${model}/versions/${version}`;
const as = (actor: Call): Call => ({ ...actor, tenant: 'acme', key: randomUUID() });

/** A command on a version: over HTTP its model and number are in the path, over gRPC in the message. */
function onVersion(
  model: string,
  version: number,
  noun: string,
  method: string,
  actor: Call,
  body: object,
): Command {
  const http = { path: `${versionPath(model, version)}/${noun}`, body };
  return { model, call: as(actor), http, grpc: { method, request: { model, version, ...body } } };
}

export function register(model: string): Command {
  const seed = randomUUID();
  const body = { label: `l-${seed}`, changelog: 'another seed', manifest: manifest(seed) };
  const request = { model, ...body, manifest: { config: { structValue: struct({ seed }) } } };
  return {
    model,
    call: as(CI),
    http: { path: `/v1/models/${model}/versions`, body },
    grpc: { method: 'Register', request },
  };
}
export const evaluate = (model: string, version: number) =>
  onVersion(model, version, 'evaluations', 'Evaluate', CI, EVALUATION);
export const decide = (model: string, version: number, decision: 'approve' | 'reject') =>
  onVersion(model, version, 'approvals', 'Approve', REVIEWER, { decision });
export const promote = (model: string, version: number) =>
  onVersion(model, version, 'promotion', 'Promote', RELEASER, {});
export const deprecate = (model: string, version: number) =>
  onVersion(model, version, 'deprecation', 'Deprecate', RELEASER, { sunset: '2999-12-31' });
export function rollBack(model: string, from: number): Command {
  const body = { from, reason: 'latency' };
  const grpc = { method: 'RollBack', request: { model, from: String(from), reason: 'latency' } };
  return { model, call: as(RELEASER), http: { path: `/v1/models/${model}/rollback`, body }, grpc };
}
