import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { PATTERN_METADATA } from '@nestjs/microservices/constants';
import { OPERATION } from './caller';

/** At start: every route and RPC has declared its `@Operation`, or the process does not start. */
@Injectable()
export class OperationsDeclared implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onModuleInit(): void {
    const undeclared = this.discovery
      .getControllers()
      .flatMap(({ instance }) => this.undeclared(instance as object | null));
    if (undeclared.length > 0)
      throw new Error(`no @Operation() on ${undeclared.join(', ')}: say what each route lets its caller do`);
  }

  private undeclared(controller: object | null): string[] {
    if (controller === null) return [];
    const prototype = Object.getPrototypeOf(controller) as Record<string, object>;
    return this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => isHandler(prototype[name]!) && !Reflect.hasMetadata(OPERATION, prototype[name]!))
      .map((name) => `${controller.constructor.name}.${name}`);
  }
}

function isHandler(method: object): boolean {
  return Reflect.hasMetadata(PATH_METADATA, method) || Reflect.hasMetadata(PATTERN_METADATA, method);
}
