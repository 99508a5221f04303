import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import type { FastifyRequest } from 'fastify';
import { refuseUnknown } from './validation';

const QUERY = `${RouteParamtypes.QUERY}:`;

/**
 * Refuses every parameter of the query where a route of `/v1` declares none: the pipe judges only what a handler asks for, and
 * to pass over the rest would carry out what was meant to be a dry run. Comes after the guard that says who calls.
 */
export class ParametersGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    if (execution.getType() !== 'http') return true;
    const { query, routeOptions } = execution.getArgByIndex<FastifyRequest>(0);
    const names = Object.keys(query as object);
    if (names.length === 0 || !routeOptions.url?.startsWith('/v1/') || declaresQuery(execution)) return true;
    return refuseUnknown(names);
  }
}

function declaresQuery(execution: ExecutionContext): boolean {
  const { name } = execution.getHandler();
  const declared = Reflect.getMetadata(ROUTE_ARGS_METADATA, execution.getClass(), name) as object | undefined;
  return Object.keys(declared ?? {}).some((argument) => argument.startsWith(QUERY));
}
