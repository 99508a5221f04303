import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import { PERMISSIONS, permits, type OperationName, type Permission } from '@gatehouse/domain';
import { Budget } from '@gatehouse/eventsourcing';
import { CredentialRefused, RequestRates, type RateLimiter } from '@gatehouse/identity';
import type { IncomingHttpHeaders } from 'node:http';
import { EdgeProblem } from '../edge-problem';
import { contextOf, deadlineOf, type RequestContext } from '../request-context';
import { Settings } from '../settings';
import { OPERATION, type Caller } from './caller';
import { Credentials, type HowNew } from './credentials';

/** What somebody is refused for who has no right, by the access of their tenant. */
const OLD_NEWS: ReadonlySet<unknown> = new Set(['role-missing', 'tenant-suspended']);

/**
 * The one guard of both doors: who calls, by the `Authorization` header (metadata entry) alone; and whether one of their
 * roles allows what the route or RPC declares. Denies what declares nothing.
 */
@Injectable()
export class CallerGuard implements CanActivate {
  private readonly rates: RateLimiter;

  constructor(
    private readonly credentials: Credentials,
    private readonly settings: Settings,
  ) {
    this.rates = new RequestRates(settings.limits.perSecond);
  }

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const operation = Reflect.getMetadata(OPERATION, execution.getHandler()) as
      OperationName | 'public' | undefined;
    if (operation === undefined) return false;
    if (operation === 'public') return true;
    const context = contextOf(execution);
    context.operation = operation;
    const { reads }: Permission = PERMISSIONS[operation];
    const authorization = authorizationOf(execution);
    const judge = async (how: HowNew) => {
      const caller = await this.credentials.callerOf(authorization, how);
      const isFirst = context.caller === undefined;
      context.caller = caller;
      if (isFirst) this.count(caller);
      refuseUnlessPermitted(caller, operation, modelOf(execution));
    };
    // What changes something waits for the log, and no longer than its command may.
    if (reads) await this.notByOldNews(judge, context.startedAt);
    else await this.inTime(judge('newest'), context);
    return true;
  }

  /** Whom a read is refused by what was known a moment ago, may have been let in since, on another replica. */
  private async notByOldNews(judge: (how: HowNew) => Promise<void>, since: number): Promise<void> {
    try {
      await judge('recent');
    } catch (refusal) {
      if (!mayBeOldNews(refusal)) throw refusal;
      await judge({ since });
    }
  }

  /** Throws `DeadlinePassed`: the command was not begun, so nothing was recorded. */
  private inTime(judged: Promise<void>, context: RequestContext): Promise<void> {
    return new Budget(deadlineOf(context, this.settings.requestTimeoutMs)).limits(judged);
  }

  /** Counts a request of a caller; throws `RateLimited` when it is one too many. */
  count({ tenant, auth }: Caller): void {
    this.rates.admit(tenant, `${auth.issuer ?? ''} ${auth.credential}`);
  }

  /** Who calls, if they may still do this; throws what they are answered otherwise. Counts nothing. */
  async admit(
    operation: OperationName,
    model: string | undefined,
    authorization: string | undefined,
  ): Promise<Caller> {
    const caller = await this.credentials.callerOf(authorization, 'recent');
    refuseUnlessPermitted(caller, operation, model);
    return caller;
  }

  /** Who calls on a connection, if that can be said at once and they may do this; undefined or a refusal otherwise. */
  admitNow(
    operation: OperationName,
    model: string,
    authorization: string | undefined,
    connection: object,
  ): Caller | undefined {
    const caller = this.credentials.callerNow(authorization, connection);
    if (caller) refuseUnlessPermitted(caller, operation, model);
    return caller;
  }
}

/** Throws what a caller is answered who may not do this. */
export function refuseUnlessPermitted(
  { roles, auth, suspended }: Caller,
  operation: OperationName,
  model: string | undefined,
): void {
  if (suspended)
    throw new EdgeProblem(
      'tenant-suspended',
      'This tenant is suspended: whoever runs the platform can tell why.',
    );
  const { scope, what, roles: needed }: Permission = PERMISSIONS[operation];
  const isPlatform = auth.method === 'platform';
  if (isPlatform ? scope === 'platform' : permits(roles, operation, model)) return;
  const where = scope === 'model' ? 'for this model' : scope === 'tenant' ? 'for every model' : '';
  const who = scope === 'platform' ? 'the platform key' : `the role ${needed.join(' or ')} ${where}`.trim();
  throw new EdgeProblem('role-missing', `To ${what} takes ${who}.`);
}

/** A refusal by what the access of a tenant says, which can come to say otherwise: a key that was revoked or has expired stays so. */
function mayBeOldNews(refusal: unknown): boolean {
  return refusal instanceof CredentialRefused
    ? refusal.reason === 'unknown'
    : refusal instanceof EdgeProblem && OLD_NEWS.has(refusal.code);
}

function authorizationOf(execution: ExecutionContext): string | undefined {
  if (execution.getType() === 'http') {
    const { headers, raw } = execution.getArgByIndex<{
      headers: IncomingHttpHeaders;
      raw: { rawHeaders: readonly string[] };
    }>(0);
    return sentOnce(raw.rawHeaders) ? headers.authorization : `${headers.authorization}, again`;
  }
  const sent = execution.getArgByIndex<Metadata>(1).get('authorization');
  // Several values are joined as HTTP joins repeated headers; what is joined is no credential.
  return sent.length === 0 ? undefined : sent.join(', ');
}

/** Node keeps the first of several `Authorization` headers in silence; a proxy before us may have looked at the last. */
export function sentOnce(rawHeaders: readonly string[]): boolean {
  let times = 0;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.length === 13 && rawHeaders[i]!.toLowerCase() === 'authorization') times++;
  return times <= 1;
}

/** The model that a request names: in the path, or in the message. It is not validated yet, and no pattern minds. */
function modelOf(execution: ExecutionContext): string | undefined {
  const named =
    execution.getType() === 'http'
      ? execution.getArgByIndex<{ params: { model?: unknown } }>(0).params.model
      : execution.getArgByIndex<{ model?: unknown }>(0).model;
  return typeof named === 'string' ? named : undefined;
}
