import type { Metadata } from '@grpc/grpc-js';
import type { EsdbLog } from './log';
import { rpc, type RpcError } from './status';

export type Right = 'append' | 'read' | 'read-all' | 'delete';

/** Somebody with a password, as the default ACLs of a real server see them. */
export interface User {
  readonly password: string;
  /** May do everything, also with `$` streams and `$all`. */
  readonly admin?: boolean;
  /** May read `$all` without being in its ACL, where by default only admins are. */
  readonly readAll?: boolean;
  /** Rights taken away, for streams that begin so ('' for all). */
  readonly deny?: Readonly<Partial<Record<Right, string>>>;
}

type Roles = string | readonly string[];
type Acl = Readonly<Record<string, Roles | undefined>>;

/** Which field of an ACL says who may; of a stream's metadata it is another one. */
const FIELDS = { read: '$r', 'read-all': '$r', append: '$w', delete: '$d' } as const;

/** Who may do what. Without users the server is an insecure one: everybody may do everything. */
export class Access {
  constructor(
    private readonly users: Readonly<Record<string, User>> | undefined,
    private readonly log: EsdbLog,
  ) {}

  /** Why the caller may not do it, if so. */
  refusal(metadata: Metadata, right: Right, stream: string): RpcError | undefined {
    if (!this.users) return undefined;
    const header = metadata.get('authorization')[0]?.toString();
    if (!header) return rpc.accessDenied();
    const [, name = '', password] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(header.replace(/^Basic /i, ''), 'base64').toString()) ?? [];
    const user = this.users[name];
    if (!user || user.password !== password) return rpc.unauthenticated();
    return this.allowed(name, user, right, stream) ? undefined : rpc.accessDenied();
  }

  private allowed(name: string, user: User, right: Right, stream: string): boolean {
    const denied = user.deny?.[right];
    if (denied !== undefined && stream.startsWith(denied)) return false;
    if (user.admin || (right === 'read-all' && user.readAll)) return true;
    const ofMetadata = stream.startsWith('$$');
    const field = ofMetadata ? (right === 'read' ? '$mr' : '$mw') : FIELDS[right];
    const roles = this.roles(ofMetadata ? stream.slice(2) : stream, field);
    return [roles].flat().some((role) => role === '$all' || role === name);
  }

  /** As the stream's own ACL says, else the default one in `$settings`, else what is built in. */
  private roles(stream: string, field: string): Roles {
    const system = stream.startsWith('$');
    const own = this.last<{ $acl?: Acl }>(`$$${stream}`)?.$acl;
    const common = this.last<Record<string, Acl | undefined>>('$settings');
    const byDefault = common?.[system ? '$systemStreamAcl' : '$userStreamAcl'];
    return own?.[field] ?? byDefault?.[field] ?? (system ? '$admins' : '$all');
  }

  private last<T>(stream: string): T | undefined {
    const event = this.log.stream(stream)?.events.at(-1);
    // Whatever an admin wrote there; a test that writes nonsense gets nonsense.
    return event && (JSON.parse(Buffer.from(event.data).toString() || '{}') as T);
  }
}
