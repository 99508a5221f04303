import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import type { IncomingHttpHeaders } from 'node:http';
import { OPERATION, type Caller, type OperationName } from './caller';
import { EdgeProblem, InvalidRequest, type FieldError } from './edge-problem';
import { contextOf } from './request-context';

const TENANT = /^[a-z0-9-]{1,63}$/;
// U+FFFD stands where bytes were no UTF-8.
const ACTOR = /^(?!.*\uFFFD)[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,128}$/u;
const NOBODY: Caller = { tenant: 'default', auth: { method: 'header' } };

/** Reads a header of the request, or an entry of its metadata. */
export type HeaderReader = (name: string) => string | undefined;

/**
 * The one place that knows who calls: it alone reads the `Gatehouse-Tenant`, `-Actor` and `-Actor-Kind` headers, which
 * credentials will replace. Denies what declares no operation, and a write without an actor.
 */
@Injectable()
export class CallerGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    const operation = Reflect.getMetadata(OPERATION, execution.getHandler()) as OperationName | undefined;
    if (operation === undefined) return false;
    if (operation === 'public') return true;
    contextOf(execution).caller = this.admit(operation, headersOf(execution));
    return true;
  }

  /** Who calls, if they may do this; throws what they are answered otherwise. */
  admit(operation: OperationName, header: HeaderReader): Caller {
    const caller = callerFrom(header);
    if (operation !== 'read' && operation !== 'public' && caller.actor === undefined)
      throw new EdgeProblem('actor-missing', 'Say who you are: send the Gatehouse-Actor header.');
    return caller;
  }
}

function headersOf(execution: ExecutionContext): HeaderReader {
  if (execution.getType() === 'http') {
    const { headers } = execution.getArgByIndex<{ headers: IncomingHttpHeaders }>(0);
    return (name) => headers[name] as string | undefined;
  }
  const metadata = execution.getArgByIndex<Metadata>(1);
  // Several values are joined as Node joins repeated headers; no joined value passes validation.
  return (name) => (metadata.get(name).length === 0 ? undefined : metadata.get(name).join(', '));
}

function callerFrom(header: HeaderReader): Caller {
  const tenant = header('gatehouse-tenant');
  const id = text(header('gatehouse-actor'));
  const kind = header('gatehouse-actor-kind');
  if (tenant === undefined && id === undefined && kind === undefined) return NOBODY;
  const errors: FieldError[] = [];
  if (tenant !== undefined && !TENANT.test(tenant))
    errors.push({ pointer: '/Gatehouse-Tenant', message: 'must be 1 to 63 of a-z, 0-9 and -' });
  if (id !== undefined && !ACTOR.test(id))
    errors.push({ pointer: '/Gatehouse-Actor', message: 'must be 1 to 128 visible characters' });
  if (kind !== undefined && kind !== 'user' && kind !== 'service')
    errors.push({ pointer: '/Gatehouse-Actor-Kind', message: 'must be user or service' });
  if (errors.length > 0) throw new InvalidRequest(errors);
  const actor =
    id === undefined
      ? undefined
      : { id, kind: kind === 'service' ? ('service' as const) : ('user' as const) };
  return { tenant: tenant ?? 'default', actor, auth: { method: 'header' } };
}

/** Node reads the bytes of a header as Latin-1; who sends a name beyond ASCII sends it as UTF-8. */
function text(value: string | undefined): string | undefined {
  return value === undefined || /^[\0-\x7f]*$/.test(value) ? value : Buffer.from(value, 'latin1').toString();
}
