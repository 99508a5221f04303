import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { InvalidRequest, type FieldError } from '@gatehouse/platform';

const NOT_KNOWN = 'is not known here';

class Validation extends ValidationPipe {
  /** class-transformer drops what an object has anyway (`__proto__`, `toString`), where it has to be refused. */
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'query' && typeof value === 'object' && value !== null) refuseInherited(value);
    return super.transform(value, metadata);
  }

  /**
   * Nest drops members named `prototype` and `constructor` in silence: a manifest would not be what was sent. Names that do harm
   * are refused by `parseJson` and `checkJson`, so that nothing has to be dropped.
   */
  protected override stripProtoKeys(): void {}
}

function refuseInherited(query: object): void {
  const names = Object.keys(query).filter((name) => name in Object.prototype);
  if (names.length > 0) refuseUnknown(names);
}

/** Refuses parameters that a route does not know. */
export function refuseUnknown(names: readonly string[]): never {
  throw new InvalidRequest(names.map((name) => ({ pointer: pointerTo(name), message: NOT_KNOWN })));
}

function pointerTo(name: string, at = ''): string {
  return `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * The one pipe of both doors: unknown fields are refused, and every refusal says where it is. Depth is not its business:
 * bodies were parsed by `parseJson`, messages are judged by their handlers.
 */
export const validation = new Validation({
  whitelist: true,
  forbidNonWhitelisted: true,
  transform: true,
  stopAtFirstError: false,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => new InvalidRequest(fieldErrors(errors)),
});

/** From class-validator's tree to a flat list with JSON pointers; indexes of arrays are names like any other. */
export function fieldErrors(errors: readonly ValidationError[], at = ''): FieldError[] {
  return errors.flatMap((error) => {
    const pointer = pointerTo(error.property, at);
    const inside = fieldErrors(error.children ?? [], pointer);
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      pointer,
      message: meaning(rule, message, error.property),
    }));
    // The element that is wrong says more than what holds for each of them.
    return [...inside, ...own];
  });
}

function meaning(rule: string, message: string, property: string): string {
  if (rule === 'whitelistValidation') return NOT_KNOWN;
  if (rule === 'nestedValidation') return 'must be an object';
  return withoutName(message, property);
}

/** class-validator begins its messages with the property's name, which the pointer says already. */
function withoutName(message: string, property: string): string {
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
