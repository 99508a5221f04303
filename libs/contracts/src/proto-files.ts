import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Options } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';

/** Absolute paths of what the gRPC door loads, and of `google.rpc` for those who read its errors. */
export type ProtoFiles = {
  readonly gatehouse: string;
  readonly health: string;
  readonly status: string;
  readonly errorDetails: string;
};

/**
 * How every side of ours loads them, so that a message is plain data: names in lowerCamel, and what is absent on the wire is
 * absent in the object. Not `oneofs`: that also adds `_label: 'label'` for every optional field that is there.
 */
export const LOADER_OPTIONS: Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: false,
  oneofs: false,
};

/** Found from the sources and from `dist` alike: Nest copies no protos, so they stay where the library is. */
export function protoFiles(): ProtoFiles {
  const contracts = join(packageRoot(__dirname), 'libs', 'contracts');
  return {
    gatehouse: join(contracts, 'gatehouse.proto'),
    health: protoPath,
    status: join(contracts, 'google', 'rpc', 'status.proto'),
    errorDetails: join(contracts, 'google', 'rpc', 'error_details.proto'),
  };
}

function packageRoot(folder: string): string {
  if (existsSync(join(folder, 'libs', 'contracts', 'gatehouse.proto'))) return folder;
  const parent = dirname(folder);
  if (parent === folder)
    throw new Error('libs/contracts/gatehouse.proto is not there: the installation is not complete');
  return packageRoot(parent);
}
