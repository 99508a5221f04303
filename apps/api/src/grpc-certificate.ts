import { ServerCredentials } from '@grpc/grpc-js';
import { readCertificate, type Settings, type TlsContext } from '@gatehouse/platform';

/**
 * A certificate for the gRPC door that can be replaced while it is open: every server bound with these credentials gets the new one, as
 * grpc-js does it for certificates that come from a provider. Connections that are open keep the old.
 */
export class ReplaceableCertificate extends ServerCredentials {
  constructor(context: TlsContext) {
    super({}, context);
  }

  replace(context: TlsContext): void {
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

/** What the gRPC door is opened with. */
export function grpcCredentials({ tls }: Settings): ServerCredentials {
  return tls === undefined
    ? ServerCredentials.createInsecure()
    : new ReplaceableCertificate(readCertificate(tls));
}
