import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { LOADER_OPTIONS, protoFiles } from '@gatehouse/contracts';
import { withStrictUtf8 } from './strict-utf8';

/** Our service and the health service, as the server serves them and reflection lists them. */
export function loadProtos(): PackageDefinition {
  const { gatehouse, health } = protoFiles();
  return withStrictUtf8(loadSync([gatehouse, health], LOADER_OPTIONS));
}
