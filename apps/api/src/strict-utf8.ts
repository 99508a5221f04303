import { isUtf8 } from 'node:buffer';
import type { PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';

const notUtf8 = new WeakSet<object>();

/**
 * The same services, with messages remembered whose text is not UTF-8. protobufjs puts U+FFFD where a byte makes no
 * sense, so that two manifests would become one; the language guide of proto3 says that a string is always UTF-8.
 */
export function withStrictUtf8(definition: PackageDefinition): PackageDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, type]) => [name, isService(type) ? strict(type) : type]),
  );
}

/** Whether all text of a message that came through `withStrictUtf8` was UTF-8. */
export function wasUtf8(message: object): boolean {
  return !notUtf8.has(message);
}

function isService(type: PackageDefinition[string]): type is ServiceDefinition {
  return !('format' in type && typeof type.format === 'string');
}

function strict(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => {
      const read = method.requestDeserialize;
      return [name, { ...method, requestDeserialize: (bytes: Buffer) => readStrictly(read, bytes) }];
    }),
  );
}

/** protobufjs takes every string out of the buffer by its `utf8Slice`. */
function readStrictly(read: (bytes: Buffer) => object, bytes: Buffer): object {
  let sound = true;
  const utf8Slice = (start: number, end: number): string => {
    const text = bytes.subarray(start, end);
    sound &&= isUtf8(text);
    return text.toString('utf8');
  };
  const message = read(Object.defineProperty(bytes, 'utf8Slice', { value: utf8Slice }));
  if (!sound) notUtf8.add(message);
  return message;
}
