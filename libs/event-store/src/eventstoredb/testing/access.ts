import type { Metadata } from '@grpc/grpc-js';
import { rpc, type RpcError } from './status';

export type Right = 'append' | 'read' | 'read-all' | 'delete';

/** Somebody with a password, as the default ACLs of a real server see them. */
export interface User {
  readonly password: string;
  /** May do everything, also with `$` streams and `$all`. */
  readonly admin?: boolean;
  /** Is in the read ACL of `$all`, where by default only admins are. */
  readonly readAll?: boolean;
  /** Rights taken away, for streams that begin so ('' for all). */
  readonly deny?: Readonly<Partial<Record<Right, string>>>;
}

/** Who may do what. Without users the server is an insecure one: everybody may do everything. */
export class Access {
  constructor(private readonly users: Readonly<Record<string, User>> | undefined) {}

  /** Why the caller may not do it, if so. */
  refusal(metadata: Metadata, right: Right, stream: string): RpcError | undefined {
    if (!this.users) return undefined;
    const header = metadata.get('authorization')[0]?.toString();
    if (!header) return rpc.accessDenied();
    const [name = '', password] = Buffer.from(header.replace(/^Basic /i, ''), 'base64')
      .toString()
      .split(':');
    const user = this.users[name];
    if (!user || user.password !== password) return rpc.unauthenticated();
    return allowed(user, right, stream) ? undefined : rpc.accessDenied();
  }
}

function allowed(user: User, right: Right, stream: string): boolean {
  const denied = user.deny?.[right];
  if (denied !== undefined && stream.startsWith(denied)) return false;
  if (user.admin) return true;
  if (right === 'read-all') return user.readAll === true;
  return !stream.startsWith('$');
}
